/**
 * Reads an artifact. In: the bytes of an OCI image layout in a tar, trusted in no way. Out: the artifact, or what is wrong with it.
 *
 * Invariant: nothing is unpacked, parsed or used before its size and sha256 agree with the document that names it, from index.json
 * down; then documents follow their schemas, layers hold exactly what the config names, and table rows stay inside their tables.
 * Never throws on any input.
 */
import { abiDigest } from './abi-digest.ts'
import { checkDocument, parseJson } from './documents.ts'
import { type ArtifactError, ArtifactFault, quoted } from './fault.ts'
import { ABI_VERSION } from '../abi.ts'
import { ARTIFACT_TYPE, type Artifact, type ArtifactConfig, CONFIG_TYPE, LAYER_TYPES } from './format.ts'
import { readMaps, readPrograms, readSources } from './layers.ts'
import { BLOBS, type Descriptor, INDEX_FILE, LAYERS, LAYOUT_FILE, type LayerName, type Manifest } from './oci.ts'
import { sha256 } from './sha256.ts'
import { readTar } from './tar.ts'

export type ReadResult =
  | { readonly kind: 'artifact'; readonly artifact: Artifact }
  | { readonly kind: 'invalid'; readonly error: ArtifactError }

export const SCHEMA_VERSION = 1
const WHAT = 'the file'

export function readArtifact(bytes: Uint8Array): ReadResult {
  try {
    return { kind: 'artifact', artifact: read(bytes) }
  } catch (error) {
    if (error instanceof ArtifactFault) return { kind: 'invalid', error: error.error }
    throw error
  }
}

function read(bytes: Uint8Array): Artifact {
  const files = new Map(readTar(bytes, WHAT))
  checkLayout(take(files, LAYOUT_FILE))
  const index = checkDocument('oci-index', parseJson(take(files, INDEX_FILE), INDEX_FILE), INDEX_FILE)
  const [named] = index.manifests
  if (named === undefined || index.manifests.length !== 1)
    throw new ArtifactFault('KM9006', `${INDEX_FILE} lists ${index.manifests.length} images, not one`)
  if (named.artifactType !== undefined) checkType(named.artifactType)
  const manifestValue = parseJson(takeBlob(files, named, 'the manifest'), 'the manifest')
  const manifest = checkManifest(manifestValue)
  const configBytes = takeBlob(files, manifest.config, 'the config')
  const layers = Object.fromEntries(
    LAYERS.map((name, at) => [name, takeBlob(files, manifest.layers[at] as Descriptor, `the ${name} layer`)]),
  ) as Record<LayerName, Uint8Array>
  for (const name of files.keys()) throw new ArtifactFault('KM9004', `${WHAT} holds ${quoted(name)}, which nothing refers to`)

  const config = checkConfig(parseJson(configBytes, 'the config'))
  const { tables, names } = readMaps(layers.maps, config)
  return {
    digest: named.digest,
    config,
    programs: readPrograms(layers.programs, config),
    tables,
    names,
    sources: readSources(layers.sources),
  }
}

function checkLayout(bytes: Uint8Array): void {
  const layout = parseJson(bytes, LAYOUT_FILE)
  const version = typeof layout === 'object' && layout !== null && 'imageLayoutVersion' in layout ? layout.imageLayoutVersion : undefined
  if (version !== '1.0.0') throw new ArtifactFault('KM9002', `${LAYOUT_FILE} names the version ${quoted(String(version))}, not "1.0.0"`)
}

/** Removes a file from those still unexplained. */
function take(files: Map<string, Uint8Array>, name: string): Uint8Array {
  const content = files.get(name)
  if (content === undefined) throw new ArtifactFault('KM9002', `${WHAT} is a tar archive without ${name}: no OCI image layout`)
  files.delete(name)
  return content
}

function takeBlob(files: Map<string, Uint8Array>, descriptor: Descriptor, what: string): Uint8Array {
  const hex = descriptor.digest.slice('sha256:'.length)
  const content = files.get(BLOBS + hex)
  if (content === undefined) throw new ArtifactFault('KM9005', `${what} is not there: no blob ${hex}`)
  if (content.length !== descriptor.size) throw new ArtifactFault('KM9005', `${what} has ${content.length} bytes, not ${descriptor.size}`)
  const actual = sha256(content)
  if (actual !== hex) throw new ArtifactFault('KM9005', `${what} has the sha256 ${actual}, not ${hex}`)
  files.delete(BLOBS + hex)
  return content
}

/** Which kind of image it is comes before its schema, so that a foreign image is told apart from a broken artifact. */
function checkManifest(value: unknown): Manifest {
  checkType(typeof value === 'object' && value !== null && 'artifactType' in value ? value.artifactType : undefined)
  const manifest = checkDocument('oci-manifest', value, 'the manifest')
  const types = [manifest.config, ...manifest.layers].map((descriptor) => descriptor.mediaType)
  const expected = [CONFIG_TYPE, ...LAYERS.map((name) => LAYER_TYPES[name])]
  if (types.join() !== expected.join()) throw new ArtifactFault('KM9006', `config and layers are of the types ${quoted(types.join())}`)
  return manifest
}

function checkType(type: unknown): void {
  if (type === ARTIFACT_TYPE) return
  const version = /^application\/vnd\.kmesh\.artifact\.v\d+$/.test(String(type))
  throw new ArtifactFault(
    version ? 'KM9008' : 'KM9006',
    `the artifact type is ${quoted(String(type ?? 'not set'))}, not "${ARTIFACT_TYPE}"`,
  )
}

/** Versions come before the schema, so that an artifact of another version is called that. */
function checkConfig(value: unknown): ArtifactConfig {
  const version = typeof value === 'object' && value !== null && 'schemaVersion' in value ? value.schemaVersion : undefined
  if (Number.isInteger(version) && version !== SCHEMA_VERSION) {
    throw new ArtifactFault('KM9008', `the artifact has the format version ${String(version)}; version ${SCHEMA_VERSION} is read here`)
  }
  const config = checkDocument('artifact', value, 'the config')
  if (config.abi.version !== ABI_VERSION || config.abi.digest !== abiDigest()) {
    throw new ArtifactFault(
      'KM9009',
      `the artifact has struct layouts ${layouts(config.abi.version, config.abi.digest)}; here they are ${layouts(ABI_VERSION, abiDigest())}`,
    )
  }
  return config
}

const layouts = (version: number, digest: string): string => `${version} (${digest.slice(0, 12)})`
