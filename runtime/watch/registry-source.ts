/**
 * A tag in a registry as a source of artifacts. In: the registry and a cache. Out: the one artifact that the tag names now. Asking costs one request without a body while
 * the tag stays; when it moved, the manifest comes, its signature is looked at, and only then those blobs come that are not here.
 */
import type { Descriptor } from '../../proto/artifact/oci.ts'
import { MOST_ARTIFACT_BYTES } from '../../proto/artifact/open.ts'
import { coded } from '../coded-error.ts'
import { openTrustedImage, trustedManifest } from '../open-trusted.ts'
import type { BlobCache } from './blob-cache.ts'
import type { Registry } from './registry.ts'
import type { Candidate, OpenedCandidate, RegistryPlace, Source } from './source.ts'

export function registrySource(place: RegistryPlace, registry: Registry, cache: BlobCache): Source {
  /** of the artifact opened before: a tag that goes back moves nothing */
  let before: readonly string[] = []

  const open = async (digest: string, policy: Parameters<Candidate['open']>[0]): Promise<OpenedCandidate> => {
    const bytes = await registry.manifest(digest)
    const { manifest } = trustedManifest(bytes, policy)
    const size = [manifest.config, ...manifest.layers].reduce((sum, one) => sum + one.size, 0)
    if (size > MOST_ARTIFACT_BYTES) throw coded('KM9005', `the manifest announces ${size} bytes, more than an artifact may have`)
    const blobs = new Map<string, Uint8Array>()
    const moved: Descriptor[] = []
    for (const descriptor of [manifest.config, ...manifest.layers]) {
      const here = cache.find(descriptor.digest)
      const content = here ?? (await registry.blob(descriptor))
      if (here === undefined) {
        cache.keep(descriptor.digest, content)
        moved.push(descriptor)
      }
      blobs.set(descriptor.digest, content)
    }
    const trusted = openTrustedImage({ manifest: bytes, blob: (one) => blobs.get(one) }, policy)
    cache.retain(new Set([...blobs.keys(), ...before]))
    before = [...blobs.keys()]
    return { kind: 'artifact', ...trusted, moved: { blobs: moved.length, bytes: moved.reduce((sum, { size }) => sum + size, 0) } }
  }

  return {
    candidates: async () => {
      const digest = await registry.resolve()
      const name = `${place.host}/${place.repository}:${place.reference}`
      return [{ name, identity: digest, open: (policy) => open(digest, policy) }]
    },
  }
}
