/**
 * Reads an artifact from its manifest on. In: the bytes of the manifest and who finds blobs, trusted in no way; optionally whose signature is asked for.
 * Out: the artifact and who signed it. Errors: ArtifactFault.
 *
 * Invariant: nothing is unpacked, parsed or used before its size and sha256 agree with the manifest, and no blob is looked at before the manifest's
 * signature was; then documents follow their schemas, layers hold exactly what the config names, and table rows stay inside their tables.
 */
import { ABI_VERSION } from '../abi.ts'
import { trustedSigners, type TrustPolicy } from '../signature/signature.ts'
import { abiDigest } from './abi-digest.ts'
import { checkDocument, parseJson } from './documents.ts'
import { ArtifactFault, quoted } from './fault.ts'
import { ARTIFACT_TYPE, type Artifact, type ArtifactConfig } from './format.ts'
import { readMaps, readPrograms, readSources } from './layers.ts'
import { ARTIFACT_FORM, type Descriptor, FORMS, type ImageForm, LAYERS, type LayerName, type Manifest } from './oci.ts'
import { sha256 } from './sha256.ts'

export interface Image {
  readonly manifest: Uint8Array
  /** the bytes under a digest; undefined: not there. Their size and digest are checked here */
  readonly blob: (digest: string) => Uint8Array | undefined
}

export interface SignedManifest {
  readonly form: ImageForm
  readonly manifest: Manifest
  /** ids of the trusted keys that signed it; empty where nothing asked for signatures */
  readonly signers: readonly string[]
}

const SCHEMA_VERSION = 1

export function readImage(
  image: Image,
  trust: TrustPolicy | undefined,
): { readonly artifact: Artifact; readonly signers: readonly string[] } {
  const { form, manifest, signers } = readManifest(image.manifest, trust)
  if (form !== ARTIFACT_FORM) throw new ArtifactFault('KM9018', `it is a ${form.kind}, and a whole artifact is wanted`)
  const configBytes = wholeBlob(image, manifest.config, 'the config')
  const layers = Object.fromEntries(
    LAYERS.map((name, at) => [name, wholeBlob(image, manifest.layers[at] as Descriptor, `the ${name} layer`)]),
  ) as Record<LayerName, Uint8Array>
  const config = checkConfig(parseJson(configBytes, 'the config'))
  const { tables, names } = readMaps(layers.maps, config)
  const artifact: Artifact = {
    digest: `sha256:${sha256(image.manifest)}`,
    config,
    programs: readPrograms(layers.programs, config),
    tables,
    names,
    sources: readSources(layers.sources),
  }
  return { artifact, signers }
}

/** Which kind of image it is comes before its schema, so that a foreign image is told apart from a broken artifact. */
export function readManifest(bytes: Uint8Array, trust: TrustPolicy | undefined): SignedManifest {
  const value = parseJson(bytes, 'the manifest')
  const form = formOf(typeof value === 'object' && value !== null && 'artifactType' in value ? value.artifactType : undefined)
  const manifest = checkDocument('oci-manifest', value, 'the manifest')
  const types = [manifest.config, ...manifest.layers].map((descriptor) => descriptor.mediaType)
  if (types.join() !== [form.config, ...form.layers].join())
    throw new ArtifactFault('KM9006', `config and layers are of the types ${quoted(types.join())}`)
  return { form, manifest, signers: trust === undefined ? [] : trustedSigners(manifest, trust) }
}

/** Errors: KM9006 foreign, KM9008 of another version. */
export function formOf(type: unknown): ImageForm {
  const form = FORMS.find((one) => one.type === type)
  if (form !== undefined) return form
  const version = /^application\/vnd\.kmesh\.(?:artifact|delta)\.v\d+$/.test(String(type))
  throw new ArtifactFault(
    version ? 'KM9008' : 'KM9006',
    `the artifact type is ${quoted(String(type ?? 'not set'))}, not "${ARTIFACT_TYPE}"`,
  )
}

/** The bytes that a descriptor names, no others. */
export function wholeBlob({ blob }: Pick<Image, 'blob'>, { digest, size }: Omit<Descriptor, 'mediaType'>, what: string): Uint8Array {
  const hex = digest.slice('sha256:'.length)
  const content = blob(digest)
  if (content === undefined) throw new ArtifactFault('KM9005', `${what} is not there: no blob ${hex}`)
  if (content.length !== size) throw new ArtifactFault('KM9005', `${what} has ${content.length} bytes, not ${size}`)
  const actual = sha256(content)
  if (actual !== hex) throw new ArtifactFault('KM9005', `${what} has the sha256 ${actual}, not ${hex}`)
  return content
}

/** Versions come before the schema, so that an artifact of another version is called that. */
function checkConfig(value: unknown): ArtifactConfig {
  checkVersion(value)
  const config = checkDocument('artifact', value, 'the config')
  checkLayouts(config.abi)
  return config
}

export function checkVersion(value: unknown): void {
  const version = typeof value === 'object' && value !== null && 'schemaVersion' in value ? value.schemaVersion : undefined
  if (Number.isInteger(version) && version !== SCHEMA_VERSION) {
    throw new ArtifactFault('KM9008', `the artifact has the format version ${String(version)}; version ${SCHEMA_VERSION} is read here`)
  }
}

/** Rows mean the same here as where they were written. */
export function checkLayouts({ version, digest }: ArtifactConfig['abi']): void {
  if (version === ABI_VERSION && digest === abiDigest()) return
  const ours = layouts(ABI_VERSION, abiDigest())
  throw new ArtifactFault('KM9009', `the artifact has struct layouts ${layouts(version, digest)}; here they are ${ours}`)
}

const layouts = (version: number, digest: string): string => `${version} (${digest.slice(0, 12)})`
