/**
 * What the kernel does not do because of single fields. In: the cursors of a connection manager and of its routes, and which of their fields nobody reads. Out: for
 * each place (connection manager, virtual host, route) with such fields, why, and whether user space does it. Invariant: a field of unknown effect is never left out silently.
 * Source: Envoy's http_connection_manager.proto, protocol.proto, route_components.proto.
 */
import type { Cursor } from '../input/cursor.ts'

/** fields of a message of this type that nobody reads and that change what happens */
export type UndoneFields = (type: string, fields: readonly string[]) => readonly string[]

export interface Undone {
  /** printed to users */
  readonly why: string
  /** user space does not do it either */
  readonly waypoint?: true
}

/** Bytes of a head that the kernel takes; a smaller limit of the proxy would refuse what the kernel lets through. */
const KERNEL_HEAD_KB = 4
/** the same for their number */
const KERNEL_HEADERS = 100

/** What formats of a place show that only a running proxy knows; in words. */
export type LiveFormats = (at: Cursor) => readonly string[]

export function undoneOf(manager: Cursor, routes: Cursor, undone: UndoneFields, live: LiveFormats): ReadonlyMap<string, Undone> {
  const found = new Map<string, Undone>()
  const add = (place: Cursor, why: readonly string[]): void => {
    if (why.length > 0) found.set(place.path, { why: why.join(', '), waypoint: true })
  }
  const of = (at: Cursor | undefined): readonly string[] => (at === undefined ? [] : undone(at.type, at.fields()))
  const chain = manager.messages('http_filters')
  const names = new Set(chain.map((filter) => filter.string('name') ?? ''))
  const filters = chain.flatMap((filter) => of(filter.has('typed_config') ? filter.any('typed_config') : undefined))
  const limits = limitsOf(manager)
  if (limits.length > 0) found.set(manager.path, { why: limits.join(', ') })
  add(manager, [
    ...of(manager),
    ...live(manager),
    ...codecOf(manager),
    ...filters,
    ...of(routes),
    ...live(routes),
    ...filtersOf(routes, names, of),
  ])
  for (const host of routes.each('virtual_hosts')) {
    add(host, [...of(host), ...live(host), ...of(host.message('retry_policy')), ...filtersOf(host, names, of)])
    for (const route of host.messages('routes')) add(route, [...routeFields(route, names, of), ...live(route)])
  }
  return found
}

function routeFields(route: Cursor, names: ReadonlySet<string>, of: (at: Cursor | undefined) => readonly string[]): readonly string[] {
  const action = route.message('route')
  const weighted = action?.message('weighted_clusters')
  return [
    ...of(route),
    ...filtersOf(route, names, of),
    ...of(action),
    ...of(action?.message('retry_policy')),
    ...of(weighted),
    ...(weighted?.messages('clusters').flatMap((cluster) => [...of(cluster), ...filtersOf(cluster, names, of)]) ?? []),
    ...(action?.messages('request_mirror_policies').flatMap(of) ?? []),
  ]
}

const WRAPPER = 'envoy.config.route.v3.FilterConfig'
const RBAC_PER_ROUTE = 'envoy.extensions.filters.http.rbac.v3.RBACPerRoute'

/** Of the filters that a place configures for itself: those of the connection manager (`names`); Envoy does not look at others. */
function filtersOf(at: Cursor, names: ReadonlySet<string>, of: (at: Cursor | undefined) => readonly string[]): readonly string[] {
  if (!at.has('typed_per_filter_config')) return []
  return at.map('typed_per_filter_config').flatMap(([name, config]) => {
    if (!names.has(name)) return []
    const held = config.type === WRAPPER && config.known ? config.any('config') : config
    if (held === undefined || !held.known) return []
    return of(held.type === RBAC_PER_ROUTE ? held.message('rbac') : held)
  })
}

function codecOf(manager: Cursor): readonly string[] {
  const codec = manager.enum('codec_type') ?? 'AUTO'
  return codec === 'AUTO' || codec === 'HTTP1' ? [] : [`codec_type ${codec}`]
}

/** Heads that the kernel would let through. */
function limitsOf(manager: Cursor): readonly string[] {
  const common = manager.message('common_http_protocol_options')
  const underscores = common?.enum('headers_with_underscores_action') ?? 'ALLOW'
  const limit = manager.number('max_request_headers_kb')
  const count = common?.number('max_headers_count')
  return [
    ...(underscores === 'ALLOW' ? [] : ['headers_with_underscores_action']),
    ...(limit !== undefined && limit < KERNEL_HEAD_KB ? ['max_request_headers_kb'] : []),
    ...(count !== undefined && count < KERNEL_HEADERS ? ['max_headers_count'] : []),
  ]
}
