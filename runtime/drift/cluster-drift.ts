/**
 * Clusters and their endpoints, where an epoch may hold the versions of several generations (runtime/delta): only what the generation in force reads is compared. In: what the kernel holds and what an artifact says;
 * out: the differences. A generation that a delta made has its rows elsewhere than the artifact has: it is compared by name.
 */
import { CLUSTER_CELLS, cell as cellLayout, cluster as clusterLayout, ROW_SIZE } from '../../proto/abi.ts'
import type { NamesDocument } from '../../proto/artifact/format.ts'
import { dumpCluster } from '../dump-clusters.ts'
import { fieldOf, packRow } from '../field.ts'
import type { ClusterTables } from '../held-generation.ts'
import { clusterCount, versionOf } from '../walk.ts'
import { compareTable, type EntryDrift } from './compare-table.ts'

const CELLS = fieldOf(clusterLayout, 'cells').offset
const ANY_GENERATION = 0xffffffffffffffffn

export interface ClusterDrift {
  readonly km_cluster: readonly EntryDrift[]
  readonly km_endpoint: readonly EntryDrift[]
}

export function clusterDrift(
  held: ClusterTables,
  wanted: { readonly cluster: Uint8Array; readonly endpoint: Uint8Array; readonly names: NamesDocument },
): ClusterDrift {
  const { generation } = held.record
  if (isMoved(held, wanted.cluster)) return { km_cluster: byName(held, wanted), km_endpoint: [] }
  const rows = Math.min(held.endpoint.length, wanted.endpoint.length)
  return {
    km_cluster: compareRows(flattened(held.cluster, generation), flattened(wanted.cluster, ANY_GENERATION), clusterLayout.size),
    km_endpoint: compareRows(held.endpoint.subarray(0, rows), wanted.endpoint, ROW_SIZE),
  }
}

/** Does the generation read some cluster's rows elsewhere than the artifact has them, in a version that a delta wrote? */
function isMoved({ cluster, record }: ClusterTables, wanted: Uint8Array): boolean {
  const count = Math.min(clusterCount(cluster), clusterCount(wanted))
  for (let index = 0; index < count; index++) {
    const version = versionOf(cluster, index, record.generation)
    if (version !== null && version.generation > 1n) return true
  }
  return false
}

/** Heads with the one version that is read as their only one. */
function flattened(heads: Uint8Array, generation: bigint): Buffer {
  const copy = Buffer.from(heads)
  for (let index = 0; index < clusterCount(copy); index++) {
    const version = versionOf(heads, index, generation)
    const at = index * clusterLayout.size + CELLS
    copy.fill(0, at, at + CLUSTER_CELLS * cellLayout.size)
    if (version !== null) packRow(cellLayout, { generation: 1n, first: version.first, tiers: version.tiers }).copy(copy, at)
  }
  return copy
}

function compareRows(held: Buffer, wanted: Uint8Array, valueSize: number): readonly EntryDrift[] {
  const none = Buffer.alloc(0)
  return compareTable({ keys: none, values: held, count: held.length / valueSize }, { values: wanted }, { keySize: 4, valueSize })
}

function byName(
  held: ClusterTables,
  { cluster, endpoint, names }: { readonly cluster: Uint8Array; readonly endpoint: Uint8Array; readonly names: NamesDocument },
): readonly EntryDrift[] {
  const wanted: ClusterTables = {
    record: { generation: ANY_GENERATION },
    names,
    cluster: Buffer.from(cluster),
    endpoint: Buffer.from(endpoint),
  }
  return names.clusters.flatMap((_, row): readonly EntryDrift[] => {
    if (JSON.stringify(dumpCluster(held, row)) === JSON.stringify(dumpCluster(wanted, row))) return []
    const key = Buffer.alloc(4)
    key.writeUInt32LE(row)
    return [{ kind: 'changed', row, key }]
  })
}
