/**
 * The OCI side of an artifact: media types and the documents index.json and manifest. Both directions build on this.
 * Source: OCI image specification 1.1, image-layout.md, image-index.md, manifest.md.
 */
import { ARTIFACT_TYPE, CONFIG_TYPE, LAYER_TYPES } from './format.ts'

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'
export const LAYOUT_FILE = 'oci-layout'
export const LAYOUT = '{"imageLayoutVersion":"1.0.0"}'
export const INDEX_FILE = 'index.json'
export const BLOBS = 'blobs/sha256/'

export type LayerName = keyof typeof LAYER_TYPES
/** in the order of the manifest */
export const LAYERS: readonly LayerName[] = ['programs', 'maps', 'sources']

export interface Descriptor {
  readonly mediaType: string
  /** "sha256:..." */
  readonly digest: string
  readonly size: number
}

export interface Manifest {
  readonly schemaVersion: 2
  readonly mediaType: typeof MANIFEST_TYPE
  readonly artifactType: typeof ARTIFACT_TYPE
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}

export interface Index {
  readonly schemaVersion: 2
  readonly manifests: readonly (Descriptor & { readonly artifactType?: string })[]
}

export function manifestOf(
  config: Omit<Descriptor, 'mediaType'>,
  layers: Readonly<Record<LayerName, Omit<Descriptor, 'mediaType'>>>,
): Manifest {
  return {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: ARTIFACT_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: config.digest, size: config.size },
    layers: LAYERS.map((name) => ({ mediaType: LAYER_TYPES[name], digest: layers[name].digest, size: layers[name].size })),
  }
}
