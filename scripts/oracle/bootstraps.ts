/**
 * Snapshots as bootstraps, which is the form that Envoy checks without running. In: the bytes of a snapshot in any form. Out: a bootstrap with its listeners and
 * clusters as static resources, and its route configurations inside of listeners; undefined where it holds none of them.
 */
import { parseDocument } from 'yaml'
import type { Json, JsonObject } from './envoy.ts'

const TYPE = 'type.googleapis.com/envoy.config.'
const HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const ROUTER = { name: 'router', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } }
/** a cluster that ads_config may name; nothing is ever sent there */
const CONTROL_PLANE: JsonObject = { name: 'oracle-control-plane', type: 'STATIC', connect_timeout: '1s' }

const INTERNAL_LISTENERS: JsonObject = {
  name: 'envoy.bootstrap.internal_listener',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener' },
}

export function toBootstrap(text: string): JsonObject | undefined {
  const document: unknown = parseDocument(text, { logLevel: 'silent', strict: false }).toJS({ maxAliasCount: 100 })
  const found = { listeners: [] as Json[], clusters: [] as Json[] }
  collect(document, found)
  if (found.listeners.length + found.clusters.length === 0) return undefined
  return bootstrapOf(found.listeners, found.clusters)
}

export function bootstrapOf(listeners: readonly Json[], clusters: readonly Json[]): JsonObject {
  return {
    static_resources: { listeners, clusters: [...clusters, CONTROL_PLANE] },
    bootstrap_extensions: [INTERNAL_LISTENERS],
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: CONTROL_PLANE.name as string } }],
      },
    },
  }
}

function collect(value: unknown, found: { readonly listeners: Json[]; readonly clusters: Json[] }): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) collect(item, found)
    return
  }
  const { '@type': type, ...rest } = value as Record<string, Json>
  if (type === `${TYPE}listener.v3.Listener`) found.listeners.push(rest)
  else if (type === `${TYPE}cluster.v3.Cluster`) found.clusters.push(rest)
  else if (type === `${TYPE}route.v3.RouteConfiguration`) found.listeners.push(carrier(rest, found.listeners.length))
  else {
    for (const [name, inner] of Object.entries(rest)) {
      if (name === 'static_resources' && typeof inner === 'object' && inner !== null) {
        const { listeners, clusters } = inner as { listeners?: Json[]; clusters?: Json[] }
        found.listeners.push(...(listeners ?? []))
        found.clusters.push(...(clusters ?? []))
      } else collect(inner, found)
    }
  }
}

/** as over RDS, clusters that are not there are no error */
function carrier(configuration: JsonObject, index: number): JsonObject {
  const manager = {
    '@type': HCM,
    stat_prefix: 'h',
    route_config: { validate_clusters: false, ...configuration },
    http_filters: [ROUTER],
  }
  return {
    name: `carrier-${index}`,
    address: { socket_address: { address: '127.0.0.1', port_value: 22_400 + (index % 100) } },
    filter_chains: [{ filters: [{ name: 'h', typed_config: manager }] }],
  }
}
