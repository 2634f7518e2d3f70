/**
 * The xDS of a routing case. In: a case and where its listener is. Out: a listener with the routes inline, and clusters. The same listener goes to Envoy and to
 * the compiler, so that both judge one text.
 */
import type { Json, JsonObject } from '../oracle/envoy.ts'
import type { RoutingCase } from './routing-case.ts'

const TYPE = 'type.googleapis.com/envoy'
const ROUTER = { name: 'envoy.filters.http.router', typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } }

/** What formats show of whatever holds it: its `name`, and values of other kinds. */
export function metadataOf(name: string): JsonObject {
  return { filter_metadata: { m: { k: name, n: 7, o: { p: true, list: [1, 'a', null, 0.5] }, e: '', none: null } } }
}

/** `log`: file of the access log; none when left out */
export function listenerResource(
  { route_config, hcm }: RoutingCase,
  place: { readonly host: string; readonly port: number },
  log?: string,
): JsonObject {
  const { http_filters, ...settings } = hcm ?? {}
  return {
    name: 'case',
    address: { socket_address: { address: place.host, port_value: place.port } },
    metadata: metadataOf('listener'),
    filter_chains: [
      {
        name: 'chain',
        metadata: metadataOf('chain'),
        filters: [
          {
            name: 'http',
            typed_config: {
              '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: 'case',
              codec_type: 'HTTP1',
              generate_request_id: false,
              route_config,
              http_filters: withRouter((http_filters ?? []) as readonly JsonObject[]),
              ...settings,
              ...(log !== undefined && { access_log: [accessLog(log)] }),
            },
          },
        ],
      },
    ],
  }
}

function withRouter(filters: readonly JsonObject[]): readonly Json[] {
  return filters.at(-1)?.name === ROUTER.name ? filters : [...filters, ROUTER]
}

function accessLog(path: string): JsonObject {
  return {
    name: 'file',
    typed_config: {
      '@type': `${TYPE}.extensions.access_loggers.file.v3.FileAccessLog`,
      path,
      log_format: {
        json_format: {
          local: '%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%',
          port: '%DOWNSTREAM_DIRECT_REMOTE_PORT%',
          details: '%RESPONSE_CODE_DETAILS%',
          route: '%ROUTE_NAME%',
        },
      },
    },
  }
}

export function clusterResource(name: string, port: number): JsonObject {
  return {
    name,
    metadata: metadataOf(name),
    type: 'STATIC',
    connect_timeout: '2s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] }],
    },
  }
}
