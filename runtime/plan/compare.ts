/**
 * What two generations differ in, by name. In: the tables of both, each from the kernel or from an artifact; out: listeners, clusters and routes that come, change and go.
 * Local numbers do not count: everything is compared in the words of the configuration (dump-*.ts).
 */
import type { NamedRoute, NamesDocument } from '../../proto/artifact/format.ts'
import { dumpCluster } from '../dump-clusters.ts'
import { dumpListeners } from '../dump-listeners.ts'
import type { DumpedCluster } from '../dump-report.ts'
import type { ClusterTables, HeldListeners } from '../held-generation.ts'

export interface Described {
  readonly tables: ClusterTables
  readonly listeners: HeldListeners
}

export interface Changes<T> {
  readonly added: readonly string[]
  readonly changed: readonly T[]
  readonly removed: readonly string[]
}

export interface ChangedCluster {
  readonly name: string
  /** "ip:port" */
  readonly endpointsAdded: readonly string[]
  readonly endpointsRemoved: readonly string[]
  /** what else: policy, limit, weights, why it is refused */
  readonly other: readonly ('policy' | 'max_connections' | 'weights' | 'refused')[]
}

export interface ChangedName {
  readonly name: string
}

export interface GenerationChanges {
  readonly listeners: Changes<ChangedName>
  readonly clusters: Changes<ChangedCluster>
  /** "listener: virtual host / route" of services that are routed by request; the contents of a route are not compared */
  readonly routes: Changes<ChangedName>
}

export function compareGenerations(before: Described | undefined, after: Described): GenerationChanges {
  return {
    listeners: compare(listenerTexts(before), listenerTexts(after), (name) => ({ name })),
    clusters: compare(clustersOf(before), clustersOf(after), changedCluster),
    routes: compare(routeTexts(before?.tables.names), routeTexts(after.tables.names), (name) => ({ name })),
  }
}

/** Those of these indices alone, of two generations that have the same clusters otherwise. */
export function compareClusters(before: ClusterTables, after: ClusterTables, indices: readonly number[]): Changes<ChangedCluster> {
  const of = (tables: ClusterTables): ReadonlyMap<string, DumpedCluster> =>
    new Map(indices.map((index) => [tables.names.clusters[index]?.name ?? '', dumpCluster(tables, index)]))
  return compare(of(before), of(after), changedCluster)
}

function compare<V, T>(
  before: ReadonlyMap<string, V>,
  after: ReadonlyMap<string, V>,
  change: (name: string, was: V, is: V) => T,
): Changes<T> {
  const changed: T[] = []
  for (const [name, is] of after) {
    const was = before.get(name)
    if (was !== undefined && JSON.stringify(was) !== JSON.stringify(is)) changed.push(change(name, was, is))
  }
  return {
    added: [...after.keys()].filter((name) => !before.has(name)).sort(),
    changed,
    removed: [...before.keys()].filter((name) => !after.has(name)).sort(),
  }
}

/** By "listener address/protocol": one listener may be dialled at several. */
function listenerTexts(described: Described | undefined): ReadonlyMap<string, unknown> {
  if (described === undefined) return new Map()
  return new Map(
    dumpListeners(described.tables, described.listeners).map(({ listener, address, protocol, action, matches }) => [
      `${listener} ${address}/${protocol}`,
      { action, matches },
    ]),
  )
}

function clustersOf(described: Described | undefined): ReadonlyMap<string, DumpedCluster> {
  if (described === undefined) return new Map()
  const { tables } = described
  return new Map(tables.names.clusters.map(({ name }, index) => [name, dumpCluster(tables, index)]))
}

function routeTexts(names: NamesDocument | undefined): ReadonlyMap<string, Pick<NamedRoute, 'lane' | 'why'>> {
  const routes = (names?.services ?? []).flatMap(({ listener, routes: list }) =>
    list.map(
      ({ virtualHost, name, path, lane, why }) =>
        [`${listener}: ${virtualHost} / ${name === '' ? path : name}`, { lane, ...(why === undefined ? {} : { why }) }] as const,
    ),
  )
  return new Map(routes)
}

function changedCluster(name: string, was: DumpedCluster, is: DumpedCluster): ChangedCluster {
  const before = endpointsOf(was)
  const after = endpointsOf(is)
  const endpointsAdded = [...after].filter((address) => !before.has(address)).sort()
  const endpointsRemoved = [...before].filter((address) => !after.has(address)).sort()
  const other: ChangedCluster['other'][number][] = []
  if (was.policy !== is.policy) other.push('policy')
  if (was.maxConnections !== is.maxConnections) other.push('max_connections')
  if (was.refused !== is.refused) other.push('refused')
  const sameEndpoints = endpointsAdded.length === 0 && endpointsRemoved.length === 0
  if (sameEndpoints && JSON.stringify(was.tiers) !== JSON.stringify(is.tiers)) other.push('weights')
  return { name, endpointsAdded, endpointsRemoved, other }
}

function endpointsOf({ tiers }: DumpedCluster): ReadonlySet<string> {
  return new Set(tiers.flatMap(({ groups }) => groups.flatMap(({ endpoints }) => endpoints.map(({ address }) => address))))
}
