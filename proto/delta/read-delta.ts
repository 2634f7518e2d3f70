/**
 * Reads a delta from its manifest on. In: the bytes of the manifest and who finds blobs, trusted in no way; optionally whose signature is asked for. Out: the delta and
 * who signed it. Errors: ArtifactFault. Invariant: as for artifacts (proto/artifact/image.ts); every row, owner and cluster that is named is inside.
 */
import { ROW_SIZE } from '../abi.ts'
import { checkDocument, parseJson } from '../artifact/documents.ts'
import { ArtifactFault, quoted } from '../artifact/fault.ts'
import { checkLayouts, checkVersion, type Image, readManifest, wholeBlob } from '../artifact/image.ts'
import { DELTA_FORM, type Descriptor } from '../artifact/oci.ts'
import { sha256 } from '../artifact/sha256.ts'
import { relocationOffsets, STATE_KEY_BYTES } from '../artifact/table-files.ts'
import { readTar } from '../artifact/tar.ts'
import { unzipped } from '../artifact/unzipped.ts'
import type { TrustPolicy } from '../signature/signature.ts'
import { DELTA_FILES, type Delta, type DeltaConfig, type DeltaDocument } from './format.ts'

const LAYER = 'the changes layer'
/** Every endpoint of 1,000,000 with its rings; beyond that a whole artifact is smaller. */
const MOST_BYTES = 1 << 30

export function readDelta(image: Image, trust: TrustPolicy | undefined): { readonly delta: Delta; readonly signers: readonly string[] } {
  const { form, manifest, signers } = readManifest(image.manifest, trust)
  if (form !== DELTA_FORM) throw new ArtifactFault('KM9018', `it is a whole ${form.kind}, and a delta is wanted`)
  const config = checkConfig(parseJson(wholeBlob(image, manifest.config, 'the config'), 'the config'))
  const layer = wholeBlob(image, manifest.layers[0] as Descriptor, LAYER)
  const files = new Map(readTar(unzipped(layer, { what: LAYER, most: MOST_BYTES }), LAYER))
  const take = (path: string): Uint8Array => {
    const content = files.get(path)
    if (content === undefined) throw new ArtifactFault('KM9011', `${path} is not in its layer`)
    files.delete(path)
    return content
  }
  const document = checkDocument('delta-changes', parseJson(take(DELTA_FILES.changes), DELTA_FILES.changes), DELTA_FILES.changes)
  const [rows, owners, stored] = [take(DELTA_FILES.rows), take(DELTA_FILES.owners), take(DELTA_FILES.relocations)]
  for (const path of files.keys()) throw new ArtifactFault('KM9011', `${LAYER} holds ${quoted(path)}, which no delta has`)
  const counts: readonly (readonly [path: string, bytes: Uint8Array, rows: number, size: number])[] = [
    [DELTA_FILES.rows, rows, config.entries.rows, ROW_SIZE],
    [DELTA_FILES.owners, owners, config.entries.owners, STATE_KEY_BYTES],
  ]
  for (const [path, bytes, count, size] of counts)
    if (bytes.length !== count * size) throw new ArtifactFault('KM9011', `${path} has ${bytes.length} bytes, not ${count} rows of ${size}`)
  checkClusters(document, config)
  const relocations = relocationsOf(stored, rows, config)
  return { delta: { ...document, rows, owners, relocations, config, digest: `sha256:${sha256(image.manifest)}` }, signers }
}

function checkConfig(value: unknown): DeltaConfig {
  checkVersion(value)
  const config = checkDocument('delta', value, 'the config')
  checkLayouts(config.abi)
  if (config.entries.owners < 1) throw new ArtifactFault('KM9012', `${DELTA_FILES.owners} has no row 0`)
  return config
}

function checkClusters({ clusters }: DeltaDocument, { entries }: DeltaConfig): void {
  if (clusters.length !== entries.clusters)
    throw new ArtifactFault('KM9012', `${DELTA_FILES.changes} names ${clusters.length} clusters of ${entries.clusters}`)
  let [index, end] = [-1, 0]
  for (const [cluster, first, rows, tiers] of clusters) {
    if (cluster <= index || first !== end || tiers > rows)
      throw new ArtifactFault(
        'KM9012',
        `${DELTA_FILES.changes} has cluster ${cluster} with ${rows} rows from ${first} behind cluster ${index}`,
      )
    ;[index, end] = [cluster, first + rows]
  }
  if (end !== entries.rows) throw new ArtifactFault('KM9012', `${DELTA_FILES.changes} gives out ${end} rows of ${entries.rows}`)
}

function relocationsOf(stored: Uint8Array, rows: Uint8Array, { entries }: DeltaConfig): Uint32Array {
  const offsets = stored.length % 4 === 0 ? relocationOffsets(stored) : undefined
  if (offsets === undefined) throw new ArtifactFault('KM9012', `${DELTA_FILES.relocations} is no list of places`)
  const places = new DataView(offsets.buffer)
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength)
  let before = -1
  return Uint32Array.from({ length: offsets.length / 4 }, (_, at) => {
    const offset = places.getUint32(at * 4, true)
    if (offset <= before || offset % 4 !== 0 || offset + 4 > rows.length || view.getUint32(offset, true) >= entries.owners)
      throw new ArtifactFault('KM9012', `${DELTA_FILES.relocations} leads to byte ${offset} behind ${before}`)
    before = offset
    return offset
  })
}
