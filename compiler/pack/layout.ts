/**
 * The OCI image layout around a manifest. In: the manifest and the blobs that it names, config first, in its order. Out: the bytes of artifact.tar and the artifact's digest,
 * the same for the same input: nothing in them depends on time, directory or user.
 */
import {
  BLOBS,
  type Descriptor,
  INDEX_FILE,
  INDEX_TYPE,
  LAYOUT,
  LAYOUT_FILE,
  type Manifest,
  MANIFEST_TYPE,
} from '../../proto/artifact/oci.ts'
import { sha256 } from '../../proto/artifact/sha256.ts'
import { archive } from './archive.ts'

export interface WrittenLayout {
  readonly bytes: Uint8Array
  /** "sha256:..." of the manifest */
  readonly digest: string
}

export async function writeLayout(manifest: Manifest, blobs: readonly Uint8Array[]): Promise<WrittenLayout> {
  const written = Buffer.from(JSON.stringify(manifest))
  const digest = `sha256:${sha256(written)}`
  const index = {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: [{ mediaType: MANIFEST_TYPE, digest, size: written.length, artifactType: manifest.artifactType }],
  }
  const bytes = await archive([
    { name: LAYOUT_FILE, content: Buffer.from(LAYOUT) },
    { name: INDEX_FILE, content: Buffer.from(JSON.stringify(index)) },
    { name: blobOf(digest), content: written },
    ...[manifest.config, ...manifest.layers].map((named, index) => ({ name: blobOf(named.digest), content: blobs[index] as Uint8Array })),
  ])
  return { bytes, digest }
}

/** Where the blob of a digest stands in the archive. */
function blobOf(digest: string): string {
  return BLOBS + digest.slice('sha256:'.length)
}

/** How a manifest names a blob. */
export function described(content: Uint8Array): Omit<Descriptor, 'mediaType'> {
  return { digest: `sha256:${sha256(content)}`, size: content.length }
}
