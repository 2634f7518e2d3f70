/**
 * The cluster of a request under a RouteAction. In: the action and the request. Out: a name ('' when a header that should name it is missing), with the
 * weighted cluster that it comes from; or why it cannot be told.
 * Source: Envoy's router/{weighted_cluster_specifier,header_cluster_specifier}.cc: the interval of [0, total) that the random number falls into.
 */
import { parseUnsigned } from '../match/decimal.ts'
import type { ForwardAction, HashPolicy, Route, WeightedCluster } from './model.ts'
import type { HttpRequest } from './request.ts'
import { drawOf } from '../match/draw.ts'
import { hashRequest } from './route-hash.ts'
import { type Criteria, mergeCriteria, NO_CRITERIA } from './subset-criteria.ts'

export interface ClusterChoice {
  readonly name: string
  readonly weighted: WeightedCluster | undefined
  /** set: another choice would need what is not in a snapshot */
  readonly undecided?: string
}

export function chooseCluster({ cluster, hash }: ForwardAction, request: HttpRequest): ClusterChoice {
  switch (cluster.kind) {
    case 'cluster':
      return { name: cluster.name, weighted: undefined }
    case 'header':
      return { name: firstValue(request, cluster.header), weighted: undefined }
    case 'plugin':
      return { name: '', weighted: undefined, undecided: `the cluster specifier plugin ${cluster.type} chooses the cluster` }
    default: {
      const weighted = chooseWeighted(cluster.clusters, selected(cluster, hash, request))
      if (weighted === undefined) return { name: '', weighted }
      return { name: weighted.name === '' ? firstValue(request, weighted.header ?? '') : weighted.name, weighted }
    }
  }
}

/** Of the endpoints of the chosen cluster. */
export function chosenCriteria({ route, weightedCluster }: ChosenBy): Criteria {
  if (route.action.kind !== 'route') return NO_CRITERIA
  return mergeCriteria(route.action.criteria, weightedCluster?.criteria ?? NO_CRITERIA)
}

interface ChosenBy {
  readonly route: Route
  readonly weightedCluster: WeightedCluster | undefined
}

function chooseWeighted(clusters: readonly WeightedCluster[], value: number): WeightedCluster | undefined {
  let end = 0
  for (const cluster of clusters) {
    end += cluster.weight
    if (value < end) return cluster
  }
  return undefined
}

/**
 * A number below the total: of the header that names it when it has one valid value, else the hash of the request where use_hash_policy asks for it, else of the
 * random number.
 */
function selected({ headerName, useHashPolicy, total }: Weighted, policies: readonly HashPolicy[], request: HttpRequest): number {
  const [text, more] = headerName === undefined ? [] : request.headerValues(headerName)
  const named = text === undefined || more !== undefined ? undefined : parseUnsigned(text)
  const given = named ?? (useHashPolicy ? hashRequest(policies, request) : undefined)
  return given === undefined || total === 0 ? drawOf(request.random, total) : Number(given % BigInt(total))
}

type Weighted = Extract<ForwardAction['cluster'], { readonly kind: 'weighted' }>

function firstValue(request: HttpRequest, name: string): string {
  return request.headerValues(name)[0] ?? ''
}
