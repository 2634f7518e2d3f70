/**
 * The network filters of a filter chain. In: their cursors. Out: what the chain does to a connection. A filter before tcp_proxy that decides, or
 * that nobody here knows, makes the whole chain diverted; it is never stripped. Filters that only watch are left out, and say so in the coverage.
 * Source: Envoy's network filter protos; which are terminal, and that the last one must be, was tried.
 */
import type { Cursor } from '../input/cursor.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import { listenerAccounts } from './accounts.ts'
import type { ChainAction } from './resources.ts'
import { readTcpProxy } from './tcp-proxy.ts'

const FILTERS = 'envoy.extensions.filters.network.'
export const TCP_PROXY = `${FILTERS}tcp_proxy.v3.TcpProxy`
export const HCM = `${FILTERS}http_connection_manager.v3.HttpConnectionManager`

/** Filters of Envoy that end a chain. */
const TERMINAL = new Set([
  'tcp_proxy',
  'http_connection_manager',
  'echo',
  'direct_response',
  'redis_proxy',
  'thrift_proxy',
  'dubbo_proxy',
  'generic_proxy',
  'reverse_tunnel',
])
/** Filters of Envoy that never do. */
const PASSING = new Set([
  'rbac',
  'ext_authz',
  'ext_proc',
  'ratelimit',
  'local_ratelimit',
  'connection_limit',
  'set_filter_state',
  'sni_cluster',
  'sni_dynamic_forward_proxy',
  'mongo_proxy',
  'zookeeper_proxy',
  'geoip',
])

/** Types of filters that watch and count. Istio's own are in no public schema; they are known by their type. */
export const WATCHERS: Readonly<Record<string, string>> = {
  'stats.PluginConfig': 'counts connections; it decides nothing',
  'envoy.tcp.metadataexchange.config.MetadataExchange':
    'exchanges peer metadata over Istio mutual TLS only (ALPN istio-peer-exchange); on plain connections it does nothing',
  [`${FILTERS}mongo_proxy.v3.MongoProxy`]: 'reads along and counts; it decides nothing',
  [`${FILTERS}zookeeper_proxy.v3.ZooKeeperProxy`]: 'reads along and counts; it decides nothing',
}

const account = listenerAccounts.for('typed_config', 'config_discovery')

type Diverted = Extract<ChainAction, { kind: 'divert' }>

/** `chain` is the cursor of the FilterChain. */
export function readNetworkFilters(chain: Cursor, diag: Diagnostics): ChainAction {
  const filters = chain.messages('filters')
  const last = filters.at(-1)
  // Envoy closes a connection whose chain has no filter (tried)
  if (last === undefined) return { kind: 'refuse', path: chain.path, reason: 'no_filter_chain' }
  checkOrder(filters, diag)

  let divert: Diverted | undefined
  for (const filter of filters) {
    const [unknown] = account(filter)
    if (unknown !== undefined) divert ??= { kind: 'divert', code: 'KM1202', ...unknown }
    else if (filter !== last) divert ??= readWatcher(filter)
  }
  const config = last.oneof('config_type') === 'typed_config' ? last.any('typed_config') : undefined
  if (divert !== undefined) return diverted(chain, divert)
  if (config?.type === HCM) return { kind: 'http', path: last.path, manager: config.path }
  const action: ChainAction =
    config?.type === TCP_PROXY
      ? readTcpProxy(config)
      : { kind: 'divert', code: 'KM1202', path: last.path, why: `the network filter ${networkKind(last)}` }
  return action.kind === 'divert' ? diverted(chain, action) : action
}

/** -> undefined when the filter changes nothing */
function readWatcher(filter: Cursor): Diverted | undefined {
  const config = filter.oneof('config_type') === 'typed_config' ? filter.any('typed_config') : undefined
  const reason = config === undefined ? undefined : WATCHERS[config.type]
  const delays = config?.known === true && config.fields().includes('delay')
  if (reason === undefined || delays)
    return { kind: 'divert', code: 'KM1203', path: filter.path, why: `the network filter ${networkKind(filter)}` }
  filter.markAll('ignored-safe', reason)
  return undefined
}

function diverted(chain: Cursor, action: Diverted): ChainAction {
  chain.mark('filters', 'diverted', `the filter chain needs user space: ${action.why}`)
  return action
}

/** last part of the filter's name, or the whole type when it is not one of Envoy's network filters */
export function networkKind(filter: Cursor): string {
  if (filter.oneof('config_type') === 'config_discovery') return `${filter.string('name') ?? ''} (config_discovery)`
  const type = filter.any('typed_config')?.type
  const name = filter.string('name') ?? ''
  if (type === undefined) return name.startsWith('envoy.filters.network.') ? name.slice('envoy.filters.network.'.length) : name
  return type.startsWith(FILTERS) ? (type.slice(FILTERS.length).split('.')[0] ?? type) : type
}

function checkOrder(filters: readonly Cursor[], diag: Diagnostics): void {
  for (const [index, filter] of filters.entries()) {
    const kind = networkKind(filter)
    const isLast = index === filters.length - 1
    const message =
      !isLast && TERMINAL.has(kind)
        ? `${kind} ends a filter chain and is not its last filter`
        : isLast && PASSING.has(kind)
          ? `the filter chain ends with ${kind}, which passes connections on`
          : undefined
    if (message !== undefined)
      diag.report({
        code: 'KM1211',
        severity: 'error',
        message,
        fix: 'end the filter chain with one filter such as tcp_proxy; Envoy refuses this listener',
        path: filter.path,
      })
  }
}
