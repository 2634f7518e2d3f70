/** Clusters of a generation in the words of the configuration. In: its tables and names; out: tiers, groups and endpoints with their weights. */
import {
  CLUSTER_PASS,
  CLUSTER_REFUSE,
  cluster as clusterLayout,
  endpoint as endpointLayout,
  group as groupLayout,
  POLICIES,
  REASONS,
  tier as tierLayout,
} from '../proto/abi.ts'
import type { DumpedCluster, DumpedTier } from './dump-report.ts'
import { rowReader, viewOf } from './field.ts'
import type { ClusterTables } from './held-generation.ts'
import { placeText } from './socket-address.ts'
import { versionOf, walkEndpoints } from './walk.ts'

export function dumpCluster(held: ClusterTables, index: number): DumpedCluster {
  const at = index * clusterLayout.size
  const read = rowReader(clusterLayout, held.cluster)
  const flags = read.number(at, 'flags')
  const named = held.names.clusters[index]
  const refused = (flags & CLUSTER_REFUSE) === 0 ? undefined : (named?.refused ?? reasonName(read.number(at, 'reason')))
  return {
    name: named?.name ?? `cluster ${index}`,
    policy:
      (flags & CLUSTER_PASS) !== 0 ? 'ORIGINAL_DST' : refused !== undefined ? 'none' : (POLICIES[read.number(at, 'policy')] ?? 'unknown'),
    maxConnections: read.number(at, 'max_connections'),
    ...(refused === undefined ? {} : { refused }),
    tiers: tiersOf(held, index),
  }
}

function tiersOf(held: ClusterTables, index: number): readonly DumpedTier[] {
  const version = versionOf(held.cluster, index, held.record.generation)
  if (version === null) return []
  const tierRow = rowReader(tierLayout, held.endpoint)
  const groupRow = rowReader(groupLayout, held.endpoint)
  const row = rowReader(endpointLayout, held.endpoint)
  const tiers: {
    percent: number
    tableEntries?: number
    groups: { weight: number; endpoints: { address: string; weight: number }[] }[]
  }[] = []
  let load = 0
  let weights = 0
  walkEndpoints(viewOf(held.endpoint), version, {
    tier: (at) => {
      const upto = tierRow.number(at, 'upto')
      const entries = tierRow.number(at, 'entries')
      tiers.push({ percent: upto - load, ...(entries === 0 ? {} : { tableEntries: entries }), groups: [] })
      load = upto
      weights = 0
    },
    group: (at) => {
      const upto = groupRow.number(at, 'upto')
      tiers.at(-1)?.groups.push({ weight: upto - weights, endpoints: [] })
      weights = upto
    },
    endpoint: (at) => {
      const address = placeText({ address: row.bytes(at, 'address'), port: row.number(at, 'port') })
      tiers
        .at(-1)
        ?.groups.at(-1)
        ?.endpoints.push({ address, weight: row.number(at, 'weight') })
    },
  })
  return tiers
}

export function reasonName(reason: number): string {
  return Object.entries(REASONS).find(([, number]) => number === reason)?.[0] ?? `reason ${reason}`
}
