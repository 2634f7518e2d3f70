/**
 * The OCI side of artifacts and deltas: media types and the documents index.json and manifest. Both directions build on this.
 * Source: OCI image specification 1.1, image-layout.md, image-index.md, manifest.md.
 */
import { DELTA_CONFIG_TYPE, DELTA_LAYER_TYPE, DELTA_TYPE } from '../delta/format.ts'
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
  /** of one of the FORMS */
  readonly artifactType: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  /** signatures (proto/signature/signature.ts), nothing else */
  readonly annotations?: Readonly<Record<string, string>>
}

export interface Index {
  readonly schemaVersion: 2
  readonly manifests: readonly (Descriptor & { readonly artifactType?: string })[]
}

/** What an image is: its type, and those of its config and its layers, in the order of the manifest. */
export interface ImageForm {
  readonly kind: 'artifact' | 'delta'
  readonly type: string
  readonly config: string
  readonly layers: readonly string[]
}

export const ARTIFACT_FORM: ImageForm = {
  kind: 'artifact',
  type: ARTIFACT_TYPE,
  config: CONFIG_TYPE,
  layers: LAYERS.map((name) => LAYER_TYPES[name]),
}
export const DELTA_FORM: ImageForm = { kind: 'delta', type: DELTA_TYPE, config: DELTA_CONFIG_TYPE, layers: [DELTA_LAYER_TYPE] }
export const FORMS: readonly ImageForm[] = [ARTIFACT_FORM, DELTA_FORM]

/** `layers`: as many as the form has. */
export function manifestOf(
  form: ImageForm,
  config: Omit<Descriptor, 'mediaType'>,
  layers: readonly Omit<Descriptor, 'mediaType'>[],
): Manifest {
  const named = (mediaType: string, { digest, size }: Omit<Descriptor, 'mediaType'>): Descriptor => ({ mediaType, digest, size })
  return {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: form.type,
    config: named(form.config, config),
    layers: form.layers.map((type, at) => named(type, layers[at] as Descriptor)),
  }
}
