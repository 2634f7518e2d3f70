/**
 * Walks from cluster heads over tiers and groups to endpoints, as the programs do. In: km_cluster and km_endpoint tables and a generation; out: calls of a
 * visitor, no object per endpoint. Positions are relative to the first row of a cluster's version (proto/abi.ts, km_tier).
 * Invariant: rows outside the table are never read, whatever the tables hold.
 */
import {
  CLUSTER_CELLS,
  cell as cellLayout,
  cluster as clusterLayout,
  group as groupLayout,
  ROW_SIZE,
  tier as tierLayout,
} from '../proto/abi.ts'
import { fieldOf, rowReader } from './field.ts'

export interface Version {
  /** that it was made for */
  readonly generation: bigint
  readonly first: number
  readonly tiers: number
}

const CELLS = fieldOf(clusterLayout, 'cells').offset

/** The newest version of a cluster that is not newer than `generation`; null when it has none. */
export function versionOf(clusters: Uint8Array, index: number, generation: bigint): Version | null {
  const read = rowReader(cellLayout, clusters)
  let best: Version | null = null
  let newest = 0n
  for (let i = 0; i < CLUSTER_CELLS; i++) {
    const at = index * clusterLayout.size + CELLS + i * cellLayout.size
    const made = read.big(at, 'generation')
    if (made === 0n || made > generation || made < newest) continue
    newest = made
    best = { generation: made, first: read.number(at, 'first'), tiers: read.number(at, 'tiers') }
  }
  return best
}

export interface EndpointVisitor {
  /** byte offsets of rows in the endpoint table, with the numbers of the tier and group */
  endpoint(row: number, tier: number, group: number): void
  tier?(row: number, tier: number): void
  group?(row: number, tier: number, group: number): void
}

const TIER = { group: fieldOf(tierLayout, 'group').offset, groups: fieldOf(tierLayout, 'groups').offset }
const GROUP = { first: fieldOf(groupLayout, 'first').offset, count: fieldOf(groupLayout, 'count').offset }

/** Visits the endpoints of one version of a cluster, in table order. */
export function walkEndpoints(endpoints: DataView, version: Version, visit: EndpointVisitor): void {
  const inside = (row: number): boolean => (row + 1) * ROW_SIZE <= endpoints.byteLength
  for (let t = 0; t < version.tiers; t++) {
    const tier = (version.first + t) * ROW_SIZE
    if (!inside(version.first + t)) return
    visit.tier?.(tier, t)
    const firstGroup = version.first + endpoints.getUint32(tier + TIER.group, true)
    const groups = endpoints.getUint32(tier + TIER.groups, true)
    for (let g = 0; g < groups && inside(firstGroup + g); g++) {
      const group = (firstGroup + g) * ROW_SIZE
      visit.group?.(group, t, g)
      const first = version.first + endpoints.getUint32(group + GROUP.first, true)
      const count = endpoints.getUint32(group + GROUP.count, true)
      for (let e = 0; e < count && inside(first + e); e++) visit.endpoint((first + e) * ROW_SIZE, t, g)
    }
  }
}

export function clusterCount(clusters: Uint8Array): number {
  return Math.floor(clusters.length / clusterLayout.size)
}
