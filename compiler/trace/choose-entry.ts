/**
 * Which listener, filter chain and routes a request meets. In: the snapshot's listeners and connection managers, a request. Out: a Place, and further candidates.
 * With a destination Envoy's rule decides. Without one it is what listens on the request's port (that of the authority, else of the scheme) and knows its
 * host; of several the one whose domain says most, outbound before inbound, in the order of the names. Without any listener: the route configurations.
 */
import type { RouteTable } from '../http/eval.ts'
import type { HttpEntry, HttpRoutes } from '../http/find-routes.ts'
import type { RequestLine } from '../http/request.ts'
import { type ChosenHost, findVirtualHost, withoutPort } from '../http/virtual-hosts.ts'
import { parseSocketAddress, portOfAuthority, type SocketAddress } from './addresses.ts'
import { chooseChain, type Connection } from './filter-chain.ts'
import { listenerFor, type TraceChain, type TraceListener } from './listeners.ts'

export type Place =
  | {
      readonly kind: 'http'
      readonly listener: TraceListener
      readonly chain: TraceChain
      readonly entry: HttpEntry
      readonly table: RouteTable
    }
  /** the connection manager's routes are not in the snapshot */
  | {
      readonly kind: 'no_routes'
      readonly listener: TraceListener
      readonly chain: TraceChain
      readonly entry: HttpEntry
      readonly why: string
    }
  /** a filter chain that is not HTTP, or no filter chain at all */
  | { readonly kind: 'l4'; readonly listener: TraceListener; readonly chain: TraceChain | undefined; readonly destination: SocketAddress }
  | { readonly kind: 'routes'; readonly table: RouteTable }
  | { readonly kind: 'no_listener'; readonly destination: SocketAddress }
  | { readonly kind: 'none'; readonly why: string }

export interface Found {
  readonly place: Place
  /** others that may take the request, in the order of preference */
  readonly others: readonly Place[]
}

export interface Entrances {
  readonly listeners: readonly TraceListener[]
  readonly routes: HttpRoutes
}

export function createEntrances(listeners: readonly TraceListener[], routes: HttpRoutes): (line: RequestLine) => Found {
  const byChain = new Map(routes.entries.map((entry) => [entry.filterChain, entry]))
  const entrances: Entrances = { listeners, routes }
  const placeOf = (listener: TraceListener, chain: TraceChain, destination: SocketAddress | undefined): Place | undefined => {
    const entry = byChain.get(chain.path)
    if (entry === undefined) return destination === undefined ? undefined : { kind: 'l4', listener, chain, destination }
    const table = routes.tableOf(entry)
    if (table !== undefined) return { kind: 'http', listener, chain, entry, table }
    return { kind: 'no_routes', listener, chain, entry, why: missingRoutes(entry) }
  }
  return (line) => {
    if (line.destination !== undefined) return { place: byDestination(entrances, line, placeOf), others: [] }
    const found = byPort(entrances, line, placeOf)
    const [place, ...others] = found.length > 0 ? found : byHost(routes, line)
    const port = portOfAuthority(line.authority, line.scheme ?? 'http')
    return {
      place: place ?? {
        kind: 'none',
        why: `no HTTP listener on port ${port} and no route configuration knows the host "${line.authority}"`,
      },
      others,
    }
  }
}

type PlaceOf = (listener: TraceListener, chain: TraceChain, destination: SocketAddress | undefined) => Place | undefined

function byDestination({ listeners }: Entrances, line: RequestLine, placeOf: PlaceOf): Place {
  const parsed = parseSocketAddress(line.destination ?? '')
  if (parsed === undefined)
    return { kind: 'none', why: `the destination "${line.destination}" is no address with a port, such as 10.0.0.1:80` }
  const destination = { address: parsed.address, port: parsed.port ?? portOfAuthority(line.authority, line.scheme ?? 'http') }
  const listener = listenerFor(listeners, destination)
  if (listener === undefined) return { kind: 'no_listener', destination }
  const chain = chooseChain(listener.chains, connectionOf(line, listener, destination)) ?? listener.fallback
  const place = chain === undefined ? undefined : placeOf(listener, chain, destination)
  return place ?? { kind: 'l4', listener, chain, destination }
}

function connectionOf(line: RequestLine, listener: TraceListener, destination: SocketAddress | undefined): Connection {
  const plain = line.scheme !== 'https'
  const tls = !plain && listener.inspectors.looksFor('tls', destination)
  return {
    destination,
    source: line.source === undefined ? undefined : parseSocketAddress(line.source),
    transport: tls ? 'tls' : 'raw_buffer',
    serverName: tls ? withoutPort(line.authority).toLowerCase() : '',
    applicationProtocol: tls || (plain && listener.inspectors.looksFor('http', destination)) ? 'http/1.1' : undefined,
  }
}

function byPort({ listeners }: Entrances, line: RequestLine, placeOf: PlaceOf): readonly Place[] {
  const port = portOfAuthority(line.authority, line.scheme ?? 'http')
  const places: { readonly place: Place; readonly rank: number }[] = []
  for (const listener of listeners) {
    const own = listener.addresses.find((address) => address.port === port)
    if (own === undefined && !listener.chains.some(({ match }) => match.port === port)) continue
    const destination = { address: own?.address ?? new Uint8Array(16), port }
    const chain = chooseChain(listener.chains, connectionOf(line, listener, destination)) ?? listener.fallback
    const place = chain?.manager === undefined ? undefined : placeOf(listener, chain, undefined)
    if (place === undefined) continue
    const domain = place.kind === 'http' ? hostIn(place.table, line)?.domain : undefined
    const knows = domain === undefined ? 0 : domain === '*' ? 2 : 4
    places.push({ place, rank: knows + (listener.inbound ? 0 : 1) })
  }
  const known = places.some(({ rank }) => rank > 1) ? places.filter(({ rank }) => rank > 1) : places
  return known.sort((a, b) => b.rank - a.rank).map(({ place }) => place)
}

/** Route configurations on their own, where no listener leads to any. */
function byHost(routes: HttpRoutes, line: RequestLine): readonly Place[] {
  if (routes.entries.length > 0) return []
  const found = routes.names.flatMap((name) => {
    const table = routes.table(name)
    const host = table === undefined ? undefined : hostIn(table, line)
    return table === undefined || host === undefined ? [] : [{ table, any: host.domain === '*' ? 1 : 0 }]
  })
  return found.sort((a, b) => a.any - b.any).map(({ table }) => ({ kind: 'routes', table }))
}

function hostIn({ configuration, hosts }: RouteTable, line: RequestLine): ChosenHost | undefined {
  const host = configuration.ignorePortInHostMatching ? withoutPort(line.authority) : line.authority
  return findVirtualHost(hosts, host.toLowerCase())
}

function missingRoutes({ source }: HttpEntry): string {
  return source.kind === 'rds'
    ? `the route configuration "${source.name}" is not in the snapshot`
    : `its routes come from elsewhere (${source.kind === 'unknown' ? source.what : source.kind})`
}
