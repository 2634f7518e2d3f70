/**
 * Listener filters: what looks at a connection before its filter chain is chosen. In: the cursors of Listener.listener_filters.
 * Out: which inspectors read the client's first bytes, and the first filter that needs user space.
 * Source: Envoy's listener filter protos. Filters are told apart by the type of their configuration, as Envoy does; by name where there is none.
 */
import type { Cursor } from '../input/cursor.ts'
import { listenerAccounts } from './accounts.ts'
import type { ChainAction, Divert } from './resources.ts'
import { readUdpProxy } from './udp-proxy.ts'

export interface ListenerFilters {
  readonly inspectors: readonly ('tls' | 'http')[]
  readonly divert: Divert | undefined
}

const FILTERS = 'envoy.extensions.filters.listener.'
const UDP_PROXY = 'envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig'
const account = listenerAccounts.for('typed_config', 'filter_disabled', 'config_discovery')

export function readListenerFilters(filters: readonly Cursor[]): ListenerFilters {
  const inspectors = new Set<'tls' | 'http'>()
  let divert: Divert | undefined
  for (const filter of filters) {
    const [unknown] = account(filter)
    const why = unknown?.why ?? meaning(filter, inspectors)
    if (why === undefined) continue
    divert ??= { path: unknown?.path ?? filter.path, why }
  }
  return { inspectors: [...inspectors].sort(), divert }
}

/** -> why the filter needs user space, if it does */
function meaning(filter: Cursor, inspectors: Set<'tls' | 'http'>): string | undefined {
  const kind = filterKind(filter)
  switch (kind) {
    case 'tls_inspector':
    case 'http_inspector':
      inspectors.add(kind === 'tls_inspector' ? 'tls' : 'http')
      filter.mark('typed_config', 'compiled', '')
      filter.mark(
        'filter_disabled',
        'ignored-safe',
        'where the inspector is off it finds nothing; filter chains that ask for what it finds are diverted either way',
      )
      return undefined
    case 'original_dst':
      filter.markAll('equivalent', 'the kernel decides by the address that the client dialled')
      return undefined
    case 'original_src':
      filter.markAll('equivalent', "the client's own socket connects: the endpoint sees its address anyway")
      return undefined
    default:
      filter.markAll('diverted', 'a listener filter that the kernel cannot run')
      return `the listener filter ${kind}`
  }
}

/** last part of the filter's name, or the whole type when it is not one of Envoy's listener filters */
export function filterKind(filter: Cursor): string {
  if (filter.oneof('config_type') === 'config_discovery') return `${filter.string('name') ?? ''} (config_discovery)`
  const config = filter.any('typed_config')
  const name = filter.string('name') ?? ''
  if (config === undefined) return name.startsWith('envoy.filters.listener.') ? name.slice('envoy.filters.listener.'.length) : name
  return config.type.startsWith(FILTERS) ? (config.type.slice(FILTERS.length).split('.')[0] ?? config.type) : config.type
}

/** What a UDP listener does: its one listener filter must be udp_proxy. Undefined: no filter, every datagram is dropped (tried). */
export function readDatagramFilters(filters: readonly Cursor[]): ChainAction | undefined {
  const [first] = filters
  if (first === undefined) return undefined
  if (filters.length === 1 && first.oneof('config_type') === 'typed_config') {
    const [unknown] = account(first)
    if (unknown !== undefined) return { kind: 'divert', code: 'KM1202', ...unknown }
    const config = first.any('typed_config')
    const action = config?.type === UDP_PROXY ? readUdpProxy(config) : undefined
    if (action?.kind === 'divert') first.markAll('diverted', `the listener needs user space: ${action.why}`)
    if (action !== undefined) return action
  }
  for (const filter of filters) filter.markAll('diverted', 'a UDP listener filter that the kernel cannot run')
  const why = filters.length > 1 ? 'several UDP listener filters' : `the UDP listener filter ${filterKind(first)}`
  return { kind: 'divert', code: 'KM1202', path: first.path, why }
}
