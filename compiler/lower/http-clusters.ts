/**
 * The clusters of a Program as routes name them. In: clusters with their subsets. Out: where each is in km_cluster, and why requests for it are not the kernel's.
 * Invariant: where a cluster has subsets, criteria never lead to anybody but the subset that they choose.
 */
import { type Criteria, criteriaText } from '../http/subset-criteria.ts'
import type { Cluster } from '../ir/program.ts'
import type { HttpContext, Slow } from './http/lowered.ts'

export function httpClusters(clusters: readonly Cluster[]): Pick<HttpContext, 'cluster' | 'clusterNames' | 'slowCluster'> {
  const named = clusters.flatMap(({ name, subset }, index) => (subset === undefined ? [[name, index] as const] : []))
  const indices = new Map(named)
  const subsets = new Map(clusters.flatMap(({ subset }, index) => (subset === undefined ? [] : [[keyOf(subset), index] as const])))
  const cluster = (name: string, criteria: Criteria): number | undefined => {
    const index = indices.get(name)
    if (index === undefined || criteria.length === 0 || clusters[index]?.subsets !== true) return index
    return subsets.get(keyOf({ of: name, criteria: criteriaText(criteria) }))
  }
  return {
    cluster,
    clusterNames: named.map(([name]) => name),
    slowCluster: (name, criteria) => slowReason(clusters[cluster(name, criteria) ?? -1]),
  }
}

function keyOf({ of, criteria }: NonNullable<Cluster['subset']>): string {
  return `${of}\0${criteria}`
}

/** Why the kernel cannot send a cluster requests in HTTP/1.1. */
function slowReason(cluster: Cluster | undefined): Slow | undefined {
  if (cluster === undefined) return undefined
  const { http2, target } = cluster
  if (http2 === true) return { kind: 'slow', why: 'its cluster speaks HTTP/2', waypoint: true }
  if (target.kind === 'balance') return undefined
  return target.kind === 'original_dst'
    ? { kind: 'slow', why: 'an ORIGINAL_DST cluster' }
    : { kind: 'slow', why: `its cluster: ${target.why}`, waypoint: true }
}
