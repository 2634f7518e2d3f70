/**
 * Where HTTP routing begins in a snapshot. In: its decoded resources. Out: every connection manager with its place, every route configuration by name, and
 * which clusters exist. Nothing is compiled before it is asked for: a snapshot may have thousands of route configurations and a request uses one.
 */
import type { Cursor } from '../input/cursor.ts'
import type { Resource } from '../input/resource.ts'
import type { ConnectionManager } from './connection-manager.ts'
import { createRouteTable, type RouteTable } from './eval.ts'
import type { ActionRules } from './exchange.ts'
import { namedClusters } from './named-clusters.ts'
import {
  bareConnectionManager,
  CONNECTION_MANAGER,
  readConnectionManager,
  readRouteSource,
  type RouteSource,
} from './read-connection-manager.ts'
import { readRouteConfiguration } from './read-route-configuration.ts'
import { type Runtime, readRuntime } from './runtime.ts'
import { metadataOfClusters, readSurroundings, type Surroundings } from './surroundings.ts'

/** One connection manager: a filter of one filter chain of one listener. */
export interface HttpEntry {
  readonly listener: string
  /** of the connection manager, e.g. lds["a"].filter_chains[0].filters[0].typed_config */
  readonly path: string
  readonly filterChain: string
  readonly manager: ConnectionManager
  /** of the connection manager */
  readonly at: Cursor
  readonly source: RouteSource
}

export interface HttpRoutes {
  readonly entries: readonly HttpEntry[]
  /** names of all route configurations, inline ones included */
  readonly names: readonly string[]
  /** compiled when first asked for */
  table(name: string): RouteTable | undefined
  /** the routes that a connection manager uses; undefined when they are not in the snapshot */
  tableOf(entry: HttpEntry): RouteTable | undefined
  /** where these routes are written, under the same condition */
  configurationOf(entry: HttpEntry): Cursor | undefined
  /** what came over RDS, used or not */
  readonly discovered: ReadonlyMap<string, Cursor>
  /** what decides actions, as given */
  readonly rules: ActionRules
  clusterExists(name: string): boolean
  /** for routes that are asked without a listener */
  readonly bare: ConnectionManager
}

export function findRoutes(resources: readonly Resource[], rules: ActionRules): HttpRoutes {
  const runtime = readRuntime(resources)
  const clusters = new Map(resources.flatMap(({ kind, cursor, name }) => (kind === 'cds' && cursor !== undefined ? [[name, cursor]] : [])))
  const clusterMetadata = metadataOfClusters(clusters)
  const entries = resources.flatMap(({ kind, cursor, name }) =>
    kind === 'lds' && cursor !== undefined ? entriesOf(cursor, name, rules, runtime, clusterMetadata) : [],
  )
  const cursors = new Map<string, Cursor>()
  for (const { source } of entries) {
    const name = source.kind === 'inline' ? (source.at.string('name') ?? '') : ''
    if (source.kind === 'inline' && name !== '' && !cursors.has(name)) cursors.set(name, source.at)
  }
  const discovered = new Map<string, Cursor>()
  for (const { kind, cursor, name } of resources) if (kind === 'rds' && cursor !== undefined) discovered.set(name, cursor)
  for (const [name, cursor] of discovered) cursors.set(name, cursor)
  const tables = new Map<string, RouteTable>()
  const compile = (at: Cursor): RouteTable => {
    const held = tables.get(at.path)
    if (held !== undefined) return held
    const made = createRouteTable(readRouteConfiguration(at, rules, runtime))
    tables.set(at.path, made)
    return made
  }
  const table = (name: string): RouteTable | undefined => {
    const at = cursors.get(name)
    return at === undefined ? undefined : compile(at)
  }
  const tableOf = ({ source }: HttpEntry): RouteTable | undefined => {
    if (source.kind === 'inline') return compile(source.at)
    return source.kind === 'rds' ? table(source.name) : undefined
  }
  const names = [...cursors.keys()]
  return {
    entries,
    names,
    table,
    tableOf,
    configurationOf({ source }) {
      if (source.kind === 'inline') return source.at
      return source.kind === 'rds' ? discovered.get(source.name) : undefined
    },
    discovered,
    rules,
    clusterExists: existence(resources, () => names.map(table)),
    bare: bareConnectionManager(runtime, clusterMetadata),
  }
}

/** A snapshot with clusters has all there are; one without any takes those that its routes name. */
function existence(resources: readonly Resource[], all: () => readonly (RouteTable | undefined)[]): (name: string) => boolean {
  const held = new Set(resources.flatMap(({ kind, name }) => (kind === 'cds' ? [name] : [])))
  let named: ReadonlySet<string> | undefined = held.size > 0 ? held : undefined
  return (name) => {
    named ??= new Set(all().flatMap((table) => (table === undefined ? [] : [...namedClusters(table.configuration)])))
    return named.has(name)
  }
}

function entriesOf(
  listener: Cursor,
  name: string,
  rules: ActionRules,
  runtime: Runtime,
  clusterMetadata: Surroundings['clusterMetadata'],
): readonly HttpEntry[] {
  const last = listener.message('default_filter_chain')
  const chains = [...listener.messages('filter_chains'), ...(last === undefined ? [] : [last])]
  return chains.flatMap((chain) =>
    chain.messages('filters').flatMap((filter) => {
      const config = filter.any('typed_config')
      if (config?.type !== CONNECTION_MANAGER || !config.known) return []
      const around = readSurroundings(listener, chain, clusterMetadata)
      const manager = readConnectionManager(config, isTls(chain) ? 'tls' : 'plain', rules, runtime, around)
      return [{ listener: name, path: config.path, filterChain: chain.path, manager, at: config, source: readRouteSource(config) }]
    }),
  )
}

function isTls(chain: Cursor): boolean {
  const type = chain.message('transport_socket')?.any('typed_config')?.type ?? ''
  return type.endsWith('.DownstreamTlsContext') || type.endsWith('.QuicDownstreamTransport')
}
