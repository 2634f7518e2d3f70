/**
 * Small HTTP services as xDS, for tests. In: where a service is, its routes and filters; where its backends are. Out: resources in proto3 JSON, with "@type": a listener with its
 * routes inline, a cluster with its endpoints.
 */
import type { JsonObject } from '../oracle/envoy.ts'

const TYPE = 'type.googleapis.com/envoy'
const FILTERS = `${TYPE}.extensions.filters`
const ROUTER = { name: 'router', typed_config: { '@type': `${FILTERS}.http.router.v3.Router` } }
const ALWAYS = { default_value: { numerator: 100 } }

export interface HttpListener {
  /** of everything in it that has a name */
  readonly name: string
  readonly address: string
  /** 80 when left out */
  readonly port?: number
  readonly routes: readonly JsonObject[]
  /** in front of the router */
  readonly filters?: readonly JsonObject[]
  /** its virtual host, beside the routes: `all`, for every domain, when left out */
  readonly virtualHost?: JsonObject
  /** more of the connection manager */
  readonly manager?: JsonObject
}

export function httpListener({ name, address, port = 80, routes, filters = [], virtualHost = {}, manager = {} }: HttpListener): JsonObject {
  return {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name,
    address: { socket_address: { address, port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: 'http',
            typed_config: {
              '@type': `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: name,
              ...manager,
              http_filters: [...filters, ROUTER],
              route_config: { name, virtual_hosts: [{ name: 'all', domains: ['*'], ...virtualHost, routes }] },
            },
          },
        ],
      },
    ],
  }
}

/** Endpoints are at port 8080. */
export function backendCluster(name: string, ...addresses: readonly string[]): JsonObject {
  return {
    '@type': `${TYPE}.config.cluster.v3.Cluster`,
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [
        { lb_endpoints: addresses.map((address) => ({ endpoint: { address: { socket_address: { address, port_value: 8080 } } } })) },
      ],
    },
  }
}

/** A bucket that nothing is added to while a test runs; without `tokens` there is none. */
export function localRateLimit(tokens?: number): JsonObject {
  return {
    '@type': `${FILTERS}.http.local_ratelimit.v3.LocalRateLimit`,
    stat_prefix: 'limit',
    ...(tokens !== undefined && {
      token_bucket: { max_tokens: tokens, tokens_per_fill: 1, fill_interval: '3600s' },
      filter_enabled: ALWAYS,
      filter_enforced: ALWAYS,
    }),
  }
}
