/**
 * Signs an artifact or a delta. In: its bytes and a private key. Out: the same config and layers under a manifest that carries one more signature, in the layout that the
 * compiler writes. Deterministic: signed again with the same key it is the same bytes; signatures of others stay. Errors: as reading an artifact.
 */
import { guarded, readLayout } from '../../proto/artifact/read.ts'
import type { ArtifactError } from '../../proto/artifact/fault.ts'
import { readManifest } from '../../proto/artifact/image.ts'
import { readArtifactOrDelta } from '../../proto/delta/read-file.ts'
import type { SigningKey } from '../../proto/signature/key.ts'
import { claimedSigners, signManifest } from '../../proto/signature/signature.ts'
import { writeLayout } from './layout.ts'

export interface SignedArtifact {
  readonly kind: 'signed'
  readonly bytes: Uint8Array
  /** "sha256:..." of the manifest with the signature: the artifact's digest from now on */
  readonly digest: string
  /** ids of the keys of all signatures that it now has */
  readonly signers: readonly string[]
}

export async function signArtifact(
  bytes: Uint8Array,
  key: SigningKey,
): Promise<SignedArtifact | { readonly kind: 'invalid'; readonly error: ArtifactError }> {
  // nobody should put their name under what nobody could apply
  const read = readArtifactOrDelta(bytes)
  if (read.kind === 'invalid') return read
  const parts = guarded(() => {
    const { manifest, blobs } = readLayout(bytes)
    return { kind: 'parts' as const, manifest: readManifest(manifest, undefined).manifest, blobs }
  })
  if (parts.kind === 'invalid') return parts
  const manifest = signManifest(parts.manifest, key)
  const named = [manifest.config, ...manifest.layers].map(({ digest }) => parts.blobs.get(digest) as Uint8Array)
  return { kind: 'signed', ...(await writeLayout(manifest, named)), signers: claimedSigners(manifest) }
}
