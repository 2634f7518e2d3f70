/**
 * Reads an artifact. In: the bytes of an OCI image layout in a tar, trusted in no way; optionally whose signature is asked for. Out: the artifact, or what is
 * wrong with it.
 *
 * Invariant: the archive holds the layout's two files, the blobs of one image (image.ts) and nothing else. Never throws on any input.
 */
import type { TrustPolicy } from '../signature/signature.ts'
import { checkDocument, parseJson } from './documents.ts'
import { type ArtifactError, ArtifactFault, quoted } from './fault.ts'
import type { Artifact } from './format.ts'
import { formOf, readImage, readManifest, wholeBlob } from './image.ts'
import { unzipped } from './unzipped.ts'
import { BLOBS, INDEX_FILE, LAYOUT_FILE, type Manifest } from './oci.ts'
import { readTar } from './tar.ts'

export type ReadResult =
  | { readonly kind: 'artifact'; readonly artifact: Artifact; readonly signers: readonly string[] }
  | { readonly kind: 'invalid'; readonly error: ArtifactError }

const WHAT = 'the file'
/** Nobody zips layers twice but for deltas, which are small. */
const MOST_UNZIPPED = 64 << 20

/** Without a policy nobody has to have signed it, and `signers` is empty. */
export function readArtifact(bytes: Uint8Array, trust?: TrustPolicy): ReadResult {
  return guarded(() => {
    const { manifest, blobs } = readLayout(bytes)
    const read = readImage({ manifest, blob: (digest) => blobs.get(digest) }, trust)
    return { kind: 'artifact', ...read }
  })
}

/** What `work` gives, or the fault that it threw as data. */
export function guarded<T>(work: () => T): T | { readonly kind: 'invalid'; readonly error: ArtifactError } {
  try {
    return work()
  } catch (error) {
    if (error instanceof ArtifactFault) return { kind: 'invalid', error: error.error }
    throw error
  }
}

export interface Layout {
  readonly manifest: Uint8Array
  /** config and layers, by digest */
  readonly blobs: ReadonlyMap<string, Uint8Array>
}

/** The manifest is the one that index.json names; blobs are those that it names, not yet held against their digests. Throws ArtifactFault. */
export function readLayout(bytes: Uint8Array): Layout {
  const files = new Map(readTar(plainTar(bytes), WHAT))
  checkLayout(take(files, LAYOUT_FILE))
  const index = checkDocument('oci-index', parseJson(take(files, INDEX_FILE), INDEX_FILE), INDEX_FILE)
  const [named] = index.manifests
  if (named === undefined || index.manifests.length !== 1)
    throw new ArtifactFault('KM9006', `${INDEX_FILE} lists ${index.manifests.length} images, not one`)
  if (named.artifactType !== undefined) formOf(named.artifactType)
  const blob = (digest: string): Uint8Array | undefined => files.get(BLOBS + digest.slice('sha256:'.length))
  const manifest = wholeBlob({ blob }, named, 'the manifest')
  const blobs = new Map<string, Uint8Array>()
  for (const digest of namedBlobs(readManifest(manifest, undefined).manifest)) {
    const content = blob(digest)
    if (content === undefined)
      throw new ArtifactFault('KM9005', `${WHAT} lacks a blob that its manifest names: ${digest.slice('sha256:'.length)}`)
    blobs.set(digest, content)
  }
  const explained = new Set([named.digest, ...blobs.keys()].map((digest) => BLOBS + digest.slice('sha256:'.length)))
  for (const name of files.keys())
    if (!explained.has(name)) throw new ArtifactFault('KM9004', `${WHAT} holds ${quoted(name)}, which nothing refers to`)
  return { manifest, blobs }
}

/** A delta's archive is gzip, others may be. */
function plainTar(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? unzipped(bytes, { what: WHAT, most: MOST_UNZIPPED }) : bytes
}

function namedBlobs({ config, layers }: Manifest): readonly string[] {
  return [config, ...layers].map(({ digest }) => digest)
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
