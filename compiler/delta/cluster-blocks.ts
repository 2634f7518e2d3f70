/** The rows of each cluster. In: tables of an artifact. Out: by index in km_cluster, the bytes of its rows and where states are named in them; nothing is copied. */
import * as abi from '../../proto/abi.ts'
import type { Field } from '../../proto/layout.ts'
import type { ArtifactTables } from '../../proto/artifact/format.ts'

export interface ClusterBlock {
  readonly bytes: Uint8Array
  readonly tiers: number
  /** byte offsets inside `bytes`, ascending */
  readonly relocations: Uint32Array
}

const CELLS = (abi.cluster.fields.cells as Field).offset
const FIRST = (abi.cell.fields.first as Field).offset
const TIERS = (abi.cell.fields.tiers as Field).offset

/** Blocks follow each other in km_endpoint, in any order of clusters; one without rows begins where the next one does. */
export function clusterBlocks({ cluster, endpoint, endpointRelocations }: ArtifactTables): readonly ClusterBlock[] {
  const heads = new DataView(cluster.buffer, cluster.byteOffset, cluster.byteLength)
  const places = Array.from({ length: cluster.length / abi.cluster.size }, (_, index) => {
    const at = index * abi.cluster.size + CELLS
    return { index, first: heads.getUint32(at + FIRST, true), tiers: heads.getUint32(at + TIERS, true) }
  })
  const ordered = [...places].sort((a, b) => a.first - b.first || a.tiers - b.tiers)
  const blocks: ClusterBlock[] = []
  const stored = new DataView(endpointRelocations.buffer, endpointRelocations.byteOffset, endpointRelocations.byteLength)
  let next = 0
  for (const [at, { index, first, tiers }] of ordered.entries()) {
    const start = first * abi.ROW_SIZE
    const end = (ordered[at + 1]?.first ?? endpoint.length / abi.ROW_SIZE) * abi.ROW_SIZE
    const relocations: number[] = []
    for (; next < stored.byteLength && stored.getUint32(next, true) < end; next += 4) relocations.push(stored.getUint32(next, true) - start)
    blocks[index] = { bytes: endpoint.subarray(start, end), tiers, relocations: Uint32Array.from(relocations) }
  }
  return blocks
}
