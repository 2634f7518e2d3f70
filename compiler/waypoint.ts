/**
 * The rest of a snapshot for an Envoy as waypoint. In: decoded resources and where the waypoint listens. Out: a bootstrap in proto3 JSON: one listener that takes PROXY
 * protocol and hands every connection to the listener of the address that the client dialled, the HTTP listeners of the snapshot, their routes and clusters.
 * Invariant: it needs no control plane: routes stand inline, endpoints stand in their clusters; the same resources give the same text.
 * Source: Envoy's listener.proto (use_original_dst, bind_to_port), proxy_protocol.proto: the filter restores the address that was dialled.
 */
import type { Resource } from './input/resource.ts'
import { type JsonFields, toJson } from './input/to-json.ts'
import { isHttpListener } from './services-document.ts'

const TYPE = 'type.googleapis.com/envoy'
const MANAGER = `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`

export interface WaypointPlace {
  readonly address: string
  readonly port: number
}

export function waypointBootstrap(resources: readonly Resource[], { address, port }: WaypointPlace): JsonFields {
  const of = (kind: Resource['kind']): readonly Resource[] =>
    resources.filter((resource) => resource.kind === kind && resource.cursor !== undefined)
  const routes = new Map(of('rds').map(({ name, content }) => [name, withoutType(toJson(content))]))
  const assignments = new Map(of('eds').map(({ name, content }) => [name, withoutType(toJson(content))]))
  const listeners = of('lds').filter(({ cursor }) => cursor !== undefined && isHttpListener(cursor))
  const bootstrap = of('bootstrap')[0]
  const { node, layered_runtime } =
    bootstrap === undefined ? {} : (toJson(bootstrap.content) as { readonly node?: unknown; readonly layered_runtime?: unknown })
  return {
    node: node ?? { id: 'waypoint', cluster: 'waypoint' },
    ...(layered_runtime !== undefined && { layered_runtime }),
    static_resources: {
      listeners: [
        entrance(address, port),
        ...listeners.map(({ content }) => unbound(inlineRoutes(withoutType(toJson(content)), routes) as JsonFields)),
      ],
      clusters: of('cds').map(({ content }) => inlineEndpoints(withoutType(toJson(content)), assignments)),
    },
  }
}

/** Connections that say whom they are for. One that leads to none of the listeners ends. */
function entrance(address: string, port: number): JsonFields {
  return {
    name: 'kmesh-waypoint',
    address: { socket_address: { address, port_value: port } },
    use_original_dst: true,
    listener_filters: [
      {
        name: 'envoy.filters.listener.proxy_protocol',
        typed_config: { '@type': `${TYPE}.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol` },
      },
    ],
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.tcp_proxy',
            typed_config: {
              '@type': `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
              stat_prefix: 'nowhere',
              cluster: 'kmesh-nowhere',
            },
          },
        ],
      },
    ],
  }
}

/** It is found by its address and opens no socket. */
function unbound(listener: JsonFields): JsonFields {
  const { use_original_dst: _, ...rest } = listener
  return { ...rest, bind_to_port: false }
}

function inlineRoutes(value: unknown, routes: ReadonlyMap<string, JsonFields>): unknown {
  if (Array.isArray(value)) return value.map((item) => inlineRoutes(item, routes))
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inlineRoutes(item, routes)]))
  if (fields['@type'] !== MANAGER || typeof fields.rds !== 'object' || fields.rds === null) return fields
  const { rds, ...rest } = fields
  const name = (rds as { readonly route_config_name?: string }).route_config_name ?? ''
  const found = routes.get(name)
  // over RDS a route to an unknown cluster is taken
  return { ...rest, route_config: { validate_clusters: false, ...(found ?? { name }) } }
}

function inlineEndpoints(cluster: JsonFields, assignments: ReadonlyMap<string, JsonFields>): JsonFields {
  if (cluster.type !== 'EDS') return cluster
  const { eds_cluster_config: eds, ...rest } = cluster
  const service = (eds as { readonly service_name?: string } | undefined)?.service_name || String(cluster.name)
  const { cluster_name: _, ...assignment } = assignments.get(service) ?? {}
  return { ...rest, type: 'STATIC', load_assignment: { cluster_name: cluster.name, ...assignment } }
}

function withoutType({ '@type': _, ...fields }: JsonFields): JsonFields {
  return fields
}
