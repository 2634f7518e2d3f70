/**
 * Large snapshots as control planes make them. In: a shape and how many units of it; out: its resources with `@type`, by kind, one at a time.
 * Names and structure are those of a sidecar of a mesh with many services. Invariant: the same numbers give the same resources; Envoy loads each shape.
 * Addresses are 10.x: nothing is dialled here.
 */
import { type Json, type Resource, resources } from '../generate.ts'

export const SHAPES = ['endpoints', 'clusters', 'listeners', 'routes', 'hosts', 'bare'] as const

/**
 * What grows: `endpoints` TCP services of ten endpoints each; `clusters` with the settings of a mesh; `listeners` with inline routes; `routes` virtual hosts of
 * forty routes each; `hosts` small virtual hosts of one route configuration; `bare` the same with nothing but what Envoy asks for: the most messages a byte.
 */
export type Shape = (typeof SHAPES)[number]

const TYPE = 'type.googleapis.com/envoy'
const ENDPOINTS_EACH = 10
/** clusters that routes lead to */
const CLUSTERS = 100
const ROUTES_EACH = 40

export function* largeSnapshot(shape: Shape, units: number): Generator<Resource> {
  switch (shape) {
    case 'endpoints':
      yield* resources({ services: units, endpoints: units * ENDPOINTS_EACH, seed: 1, network: 10 })
      return
    case 'clusters':
      yield tcpListener(clusterName(0))
      for (let unit = 0; unit < units; unit++) yield meshCluster(unit)
      return
    case 'listeners':
      for (let unit = 0; unit < units; unit++)
        yield httpListener(`10.${(unit >> 16) & 255}.${(unit >> 8) & 255}.${unit & 255}`, inline(unit))
      for (let index = 0; index < CLUSTERS; index++) yield plainCluster(index)
      return
    default:
      yield httpListener('0.0.0.0', { rds: { configSource: { ads: {}, resourceApiVersion: 'V3' }, routeConfigName: '80' } })
      for (let index = 0; index < CLUSTERS; index++) yield plainCluster(index)
      yield configuration(
        '80',
        Array.from({ length: units }, (_, unit) => HOSTS[shape](unit)),
      )
  }
}

function configuration(name: string, virtualHosts: readonly Json[]): Resource {
  return {
    '@type': `${TYPE}.config.route.v3.RouteConfiguration`,
    name,
    virtualHosts,
    validateClusters: false,
    ignorePortInHostMatching: true,
  }
}

function inline(unit: number): Resource {
  const { '@type': _, ...held } = configuration(`inline-${unit}`, [longHost(unit)])
  return { routeConfig: held }
}

function serviceName(unit: number): string {
  return `service-${unit}.team-${unit % 97}.svc.cluster.local`
}

function clusterName(unit: number): string {
  return `outbound|80||${serviceName(unit)}`
}

/** A service without routing rules, as a control plane writes it: its names, and one route to its cluster. */
function smallHost(unit: number): Json {
  const name = serviceName(unit)
  const short = `service-${unit}`
  return {
    name: `${name}:80`,
    domains: [
      name,
      `${name}.`,
      short,
      `${short}.team-${unit % 97}.svc`,
      `${short}.team-${unit % 97}`,
      `10.${100 + ((unit >> 16) & 63)}.${(unit >> 8) & 255}.${unit & 255}`,
    ],
    routes: [route('default', { prefix: '/' }, unit)],
    includeRequestAttemptCount: true,
  }
}

function bareHost(unit: number): Json {
  const name = `s${unit}`
  return { name, domains: [name], routes: [{ match: { prefix: '/' }, route: { cluster: clusterName(unit % CLUSTERS) } }] }
}

/** A service with rules of every common kind. */
function longHost(unit: number): Json {
  const host = smallHost(unit) as Resource
  return { ...host, routes: Array.from({ length: ROUTES_EACH }, (_, index) => ruled(unit, index)) }
}

const HOSTS = { routes: longHost, hosts: smallHost, bare: bareHost } as const

function ruled(unit: number, index: number): Json {
  const name = `rule-${index}`
  switch (index % 5) {
    case 0:
      return route(name, { path: `/v${index}/items/${unit}`, caseSensitive: true }, unit)
    case 1:
      return route(name, { prefix: `/v${index}/`, headers: [{ name: 'x-team', stringMatch: { exact: `team-${unit % 97}` } }] }, unit)
    case 2:
      return route(name, { pathSeparatedPrefix: `/api/${index}`, queryParameters: [{ name: 'beta', presentMatch: true }] }, unit)
    case 3:
      return {
        name,
        match: { prefix: `/old/${index}` },
        redirect: { hostRedirect: serviceName(unit), pathRedirect: `/new/${index}`, responseCode: 'PERMANENT_REDIRECT' },
      }
    default:
      return {
        ...route(name, { prefix: `/added/${index}`, headers: [{ name: ':method', stringMatch: { exact: 'GET' } }] }, unit),
        requestHeadersToAdd: [{ header: { key: 'x-mesh', value: `rule-${index}` }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
      }
  }
}

function route(name: string, match: Resource, unit: number): Resource {
  return {
    name,
    match,
    route: {
      cluster: clusterName(unit % CLUSTERS),
      timeout: '0s',
      retryPolicy: {
        retryOn: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
        numRetries: 2,
        retryHostPredicate: [
          {
            name: 'envoy.retry_host_predicates.previous_hosts',
            typedConfig: { '@type': `${TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate` },
          },
        ],
        hostSelectionRetryMaxAttempts: '5',
      },
      maxGrpcTimeout: '0s',
    },
    decorator: { operation: `${serviceName(unit)}:80/*` },
  }
}

function httpListener(address: string, source: Resource): Resource {
  return {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name: `${address}_80`,
    address: { socketAddress: { address, portValue: 80 } },
    filterChains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typedConfig: {
              '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              statPrefix: `outbound_${address}_80`,
              ...source,
              httpFilters: [
                { name: 'envoy.filters.http.router', typedConfig: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } },
              ],
            },
          },
        ],
      },
    ],
    trafficDirection: 'OUTBOUND',
    bindToPort: false,
  }
}

function tcpListener(cluster: string): Resource {
  return {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name: 'tcp',
    address: { socketAddress: { address: '10.96.0.1', portValue: 80 } },
    filterChains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.tcp_proxy',
            typedConfig: { '@type': `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`, statPrefix: cluster, cluster },
          },
        ],
      },
    ],
    bindToPort: false,
  }
}

function plainCluster(unit: number): Resource {
  return {
    '@type': `${TYPE}.config.cluster.v3.Cluster`,
    name: clusterName(unit),
    type: 'STATIC',
    connectTimeout: '10s',
    loadAssignment: {
      clusterName: clusterName(unit),
      endpoints: [{ lbEndpoints: [{ endpoint: { address: { socketAddress: { address: `10.128.0.${unit + 1}`, portValue: 8080 } } } }] }],
    },
  }
}

/** With what a mesh adds: limits, certificates by reference, metadata. */
function meshCluster(unit: number): Resource {
  const { loadAssignment: _, ...plain } = plainCluster(unit)
  const sds = {
    apiConfigSource: { apiType: 'GRPC', transportApiVersion: 'V3', grpcServices: [{ envoyGrpc: { clusterName: clusterName(0) } }] },
    resourceApiVersion: 'V3',
  }
  return {
    ...plain,
    type: 'EDS',
    edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: 'V3' }, serviceName: clusterName(unit) },
    lbPolicy: 'LEAST_REQUEST',
    circuitBreakers: {
      thresholds: [{ maxConnections: 4294967295, maxPendingRequests: 4294967295, maxRequests: 4294967295, trackRemaining: true }],
    },
    transportSocketMatches: [
      {
        name: 'tlsMode-istio',
        match: { tlsMode: 'istio' },
        transportSocket: {
          name: 'envoy.transport_sockets.tls',
          typedConfig: {
            '@type': `${TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
            commonTlsContext: {
              tlsCertificateSdsSecretConfigs: [{ name: 'default', sdsConfig: sds }],
              alpnProtocols: ['istio-peer-exchange', 'istio'],
            },
            sni: `outbound_.80_._.${serviceName(unit)}`,
          },
        },
      },
      {
        name: 'tlsMode-disabled',
        match: {},
        transportSocket: {
          name: 'envoy.transport_sockets.raw_buffer',
          typedConfig: { '@type': `${TYPE}.extensions.transport_sockets.raw_buffer.v3.RawBuffer` },
        },
      },
    ],
    metadata: {
      filterMetadata: { istio: { services: [{ host: serviceName(unit), name: `service-${unit}`, namespace: `team-${unit % 97}` }] } },
    },
  }
}
