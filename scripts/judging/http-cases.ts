/**
 * Routing cases as one snapshot. In: cases. Out: groups of cases that can be judged together, each with its xDS: one listener a case, on an address of its own, and
 * one cluster for every name. Cases whose requests could name a cluster that exists only for another case (cluster_header) stand in different groups.
 * A cluster exists that a route names, unless its name begins with "missing", and so does one that Envoy's recorded answer came from.
 */
import type { Json, JsonObject } from '../oracle/envoy.ts'
import { clusterResource } from '../routing/case-resources.ts'
import type { RoutingCase } from '../routing/routing-case.ts'

const TYPE = 'type.googleapis.com/envoy'
const PORT = 80

/** A case as it is recorded. */
export interface RecordedCase extends RoutingCase {
  readonly outcomes?: readonly { readonly cluster?: string | null }[]
}

export interface CaseGroup {
  readonly cases: readonly RecordedCase[]
  /** names of all clusters, in the order of their backends */
  readonly clusters: readonly string[]
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** Where the listener of the case at `index` of its group is. */
export function addressOf(index: number): Address {
  return { host: `127.96.${1 + (index >> 8)}.${index & 255}`, port: PORT }
}

export function groupCases(cases: readonly RecordedCase[]): readonly CaseGroup[] {
  const groups: { cases: RecordedCase[]; clusters: Set<string>; asked: Set<string> }[] = []
  for (const one of cases) {
    const own = clustersOf(one)
    const asked = valuesOf(one)
    const last = groups.at(-1)
    const fits =
      last !== undefined &&
      last.cases.length < 250 &&
      [...last.clusters].every((name) => own.has(name) || !asked.has(name)) &&
      [...own].every((name) => last.clusters.has(name) || !last.asked.has(name))
    const group = fits ? last : { cases: [], clusters: new Set<string>(), asked: new Set<string>() }
    if (!fits) groups.push(group)
    group.cases.push(one)
    for (const name of own) group.clusters.add(name)
    for (const value of asked) group.asked.add(value)
  }
  return groups.map(({ cases: members, clusters }) => ({ cases: members, clusters: [...clusters] }))
}

/** `ports`: of 127.0.0.1, by cluster */
export function snapshotOf(group: CaseGroup, ports: ReadonlyMap<string, number>): Json {
  return [
    ...group.cases.flatMap((one, index) => [listenerOf(one, index), routesOf(one, index)]),
    ...group.clusters.map((name) => ({
      '@type': `${TYPE}.config.cluster.v3.Cluster`,
      ...clusterResource(name, ports.get(name) as number),
    })),
  ]
}

function listenerOf({ hcm }: RecordedCase, index: number): JsonObject {
  const { host, port } = addressOf(index)
  const { http_filters = [], ...settings } = hcm ?? {}
  const router = { name: 'envoy.filters.http.router', typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } }
  const manager = {
    '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'case',
    rds: { route_config_name: `case-${index}`, config_source: { ads: {} } },
    http_filters: [...(http_filters as readonly Json[]), router],
    ...settings,
  }
  return {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name: `case-${index}`,
    address: { socket_address: { address: host, port_value: port } },
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
  }
}

function routesOf({ route_config }: RecordedCase, index: number): JsonObject {
  return { ...route_config, '@type': `${TYPE}.config.route.v3.RouteConfiguration`, name: `case-${index}` }
}

function clustersOf(one: RecordedCase): ReadonlySet<string> {
  const found = new Set<string>()
  collect(one.route_config, found)
  for (const name of found) if (name.startsWith('missing')) found.delete(name)
  for (const { cluster } of one.outcomes ?? []) if (typeof cluster === 'string' && cluster !== '') found.add(cluster)
  return found
}

function collect(value: unknown, into: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) collect(item, into)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, held] of Object.entries(value)) {
      if (key === 'cluster' && typeof held === 'string' && held !== '') into.add(held)
      if (key === 'weighted_clusters' || key === 'weightedClusters') addNames(held, into)
      collect(held, into)
    }
  }
}

function addNames(weighted: unknown, into: Set<string>): void {
  const clusters = (weighted as { clusters?: readonly { name?: string }[] }).clusters ?? []
  for (const { name } of clusters) if (name !== undefined && name !== '') into.add(name)
}

/** What a cluster_header may read. */
function valuesOf({ requests }: RecordedCase): ReadonlySet<string> {
  return new Set(
    requests.flatMap(({ headers, method, path, authority }) => [...headers.map(([, value]) => value), method, path, authority]),
  )
}
