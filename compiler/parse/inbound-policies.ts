/**
 * What a listener enforces, by name. In: the cursor of a Listener. Out: names of filters and requirements that decide who may pass. Used for the
 * listeners that are not installed, so that the user learns what is not enforced here. Anything that is not known to be harmless is named.
 */
import type { Cursor } from '../input/cursor.ts'
import { HCM, TCP_PROXY } from './network-filters.ts'

const HARMLESS = new Set([
  'network.tcp_proxy',
  'network.http_connection_manager',
  'network.echo',
  'network.mongo_proxy',
  'network.zookeeper_proxy',
  'http.router',
  'http.cors',
  'http.grpc_stats',
  'http.grpc_web',
  'http.grpc_http1_bridge',
  'http.alpn',
  'http.compressor',
  'http.decompressor',
  'http.health_check',
  'http.header_to_metadata',
  'http.set_filter_state',
  'http.peer_metadata',
  'http.fault',
  'http.buffer',
  'network.set_filter_state',
])
const HARMLESS_TYPES = new Set([
  'stats.PluginConfig',
  'envoy.tcp.metadataexchange.config.MetadataExchange',
  'io.istio.http.peer_metadata.Config',
  'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig',
])

export function policiesOf(listener: Cursor): readonly string[] {
  if (listener.enum('traffic_direction') !== 'INBOUND') return []
  const found = new Set<string>()
  const chains = [...listener.messages('filter_chains'), listener.message('default_filter_chain')]
  for (const chain of chains) {
    const tls = chain?.message('transport_socket')?.any('typed_config')
    if (tls?.known === true && tls.type.endsWith('.DownstreamTlsContext') && tls.boolean('require_client_certificate') === true)
      found.add('require_client_certificate')
    for (const filter of chain?.messages('filters') ?? []) {
      addPolicy(filter, found)
      const config = filter.any('typed_config')
      if (config?.type === HCM) for (const http of config.messages('http_filters')) addPolicy(http, found)
    }
  }
  return [...found].sort()
}

/** Names of the clusters that the chains of an inbound listener lead to, routes given inline included. */
export function inboundClusters(listener: Cursor): readonly string[] {
  if (listener.enum('traffic_direction') !== 'INBOUND') return []
  const found = new Set<string>()
  for (const chain of [...listener.messages('filter_chains'), listener.message('default_filter_chain')]) {
    for (const filter of chain?.messages('filters') ?? []) {
      const config = filter.any('typed_config')
      if (config?.type === TCP_PROXY) addClusters(config, found)
      else if (config?.type === HCM) {
        for (const host of config.message('route_config')?.messages('virtual_hosts') ?? []) {
          for (const route of host.messages('routes')) {
            const action = route.oneof('action') === 'route' ? route.message('route') : undefined
            if (action !== undefined) addClusters(action, found)
          }
        }
      }
    }
  }
  return [...found].sort()
}

/** TcpProxy and RouteAction name their clusters alike. */
function addClusters(action: Cursor, found: Set<string>): void {
  const kind = action.oneof('cluster_specifier')
  if (kind === 'cluster') found.add(action.string('cluster') ?? '')
  if (kind === 'weighted_clusters')
    for (const share of action.message(kind)?.messages('clusters') ?? []) found.add(share.string('name') ?? '')
}

const KIND = /^envoy\.extensions\.filters\.((?:network|http)\.[a-z0-9_]+)\./

function addPolicy(filter: Cursor, found: Set<string>): void {
  const name = filter.string('name') ?? ''
  const type = filter.any('typed_config')?.type ?? ''
  const kind = KIND.exec(type)?.[1] ?? name.replace(/^envoy\.filters\./, '')
  if (!HARMLESS.has(kind) && !HARMLESS_TYPES.has(type)) found.add(name === '' ? kind : name)
}
