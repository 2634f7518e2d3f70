/** Reads a file that may be an artifact or a delta. In: its bytes, trusted in no way; optionally whose signature is asked for. Out: the one or the other, or what is wrong. Never throws. */
import { readImage, readManifest } from '../artifact/image.ts'
import { DELTA_FORM } from '../artifact/oci.ts'
import { readArtifactFile } from '../artifact/open.ts'
import { guarded, type ReadResult, readLayout } from '../artifact/read.ts'
import type { TrustPolicy } from '../signature/signature.ts'
import type { Delta } from './format.ts'
import { readDelta } from './read-delta.ts'

export type FileContent = ReadResult | { readonly kind: 'delta'; readonly delta: Delta; readonly signers: readonly string[] }

/** By its path, as openArtifact. */
export function openArtifactOrDelta(path: string, trust?: TrustPolicy): FileContent {
  const file = readArtifactFile(path)
  return file.kind === 'invalid' ? file : readArtifactOrDelta(file.bytes, trust)
}

export function readArtifactOrDelta(bytes: Uint8Array, trust?: TrustPolicy): FileContent {
  return guarded((): FileContent => {
    const { manifest, blobs } = readLayout(bytes)
    const image = { manifest, blob: (digest: string) => blobs.get(digest) }
    return readManifest(manifest, undefined).form === DELTA_FORM
      ? { kind: 'delta', ...readDelta(image, trust) }
      : { kind: 'artifact', ...readImage(image, trust) }
  })
}
