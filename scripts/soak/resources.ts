/**
 * The configuration of the soak. In: which of its two stages. Out: xDS resources: services in every lane, whose routes do each thing that a request of the clients asks for.
 * The stages differ in a direct response, a weight, an endpoint and a header's value, so that an apply changes something that every client may meet at any time.
 */
import { httpListener } from '../kit/http-resources.ts'
import type { JsonObject } from '../oracle/envoy.ts'

export type Stage = 'first' | 'second'

export interface Service {
  readonly name: 'node' | 'other' | 'six' | 'direct'
  /** as clients dial it */
  readonly address: string
  readonly port: number
  readonly lane: 'routed' | 'direct'
}

export interface Server {
  /** "node-main/1": of cluster "node-main" */
  readonly name: string
  readonly address: string
  readonly port: number
}

const V4 = '10.96.66.1'
const V6 = 'fd00:96:66::1'
export const SERVER4 = '10.66.0.1'
export const SERVER6 = 'fd00:66::1'

export const SERVICES: readonly Service[] = [
  { name: 'node', address: V4, port: 80, lane: 'routed' },
  { name: 'other', address: V4, port: 81, lane: 'routed' },
  { name: 'six', address: V6, port: 80, lane: 'routed' },
  { name: 'direct', address: V4, port: 82, lane: 'direct' },
]

/** Where servers of a service run: on this node and observed, or as if elsewhere. */
export const OBSERVED: readonly Service['name'][] = ['node']

const FIRST_PORT = 6600
const PARTS = ['main/1', 'main/2', 'second/1', 'frail/1'] as const

export const SERVERS: readonly Server[] = SERVICES.flatMap(({ name, lane }, service) =>
  PARTS.filter((part) => lane === 'routed' || part.startsWith('main')).map((part, index) => ({
    name: `${name}-${part}`,
    address: name === 'six' ? SERVER6 : SERVER4,
    port: FIRST_PORT + service * 10 + index,
  })),
)

export function soakResources(stage: Stage): readonly JsonObject[] {
  const clusters = [...new Set(SERVERS.map(({ name }) => clusterOf(name)))]
  return [...SERVICES.map((service) => listener(service, stage)), ...clusters.map((name) => cluster(name, stage))]
}

function clusterOf(server: string): string {
  return server.split('/')[0] as string
}

function cluster(name: string, stage: Stage): JsonObject {
  // in the second stage the second endpoint is drained
  const members = SERVERS.filter((server) => clusterOf(server.name) === name && (stage === 'first' || !server.name.endsWith('/2')))
  return {
    '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    // as many as clients may want at once: three retries are the default
    circuit_breakers: { thresholds: [{ max_connections: 10_000, max_requests: 10_000, max_pending_requests: 10_000, max_retries: 1000 }] },
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: members.map(({ address, port }) => ({
            endpoint: { address: { socket_address: { address, port_value: port } } },
          })),
        },
      ],
    },
  }
}

function listener(service: Service, stage: Stage): JsonObject {
  const { name, address, port, lane } = service
  const manager = lane === 'routed' ? { upgrade_configs: [{ upgrade_type: 'websocket' }] } : {}
  return httpListener({ name, address, port, manager, routes: routes(service, stage) })
}

function routes({ name, lane }: Service, stage: Stage): readonly JsonObject[] {
  const to = (part: string, more: JsonObject = {}): JsonObject => ({ cluster: `${name}-${part}`, ...more })
  const rest: JsonObject = { match: { prefix: '/' }, route: to('main', { timeout: '0s' }) }
  if (lane === 'direct') return [rest]
  const weights = stage === 'first' ? [90, 10] : [40, 60]
  const split = ['main', 'second'].map((part, index) => ({ name: `${name}-${part}`, weight: weights[index] as number }))
  return [
    { match: { prefix: '/deny' }, direct_response: { status: 403, body: { inline_string: 'denied' } } },
    { match: { prefix: '/moved' }, redirect: { path_redirect: '/elsewhere' } },
    { match: { prefix: '/stage' }, direct_response: { status: 200, body: { inline_string: stage } } },
    { match: { prefix: '/b/' }, route: to('second', { prefix_rewrite: '/', timeout: '0s' }) },
    { match: { prefix: '/split' }, route: { weighted_clusters: { clusters: split }, timeout: '0s' } },
    {
      match: { prefix: '/labelled' },
      route: to('main', { timeout: '0s' }),
      response_headers_to_add: [{ header: { key: 'x-label', value: 'soak' } }],
    },
    { match: { prefix: '/retry' }, route: to('main', { timeout: '0s', retry_policy: { retry_on: '5xx', num_retries: 2 } }) },
    { match: { prefix: '/late' }, route: to('main', { timeout: '0.3s' }) },
    { match: { prefix: '/frail' }, route: to('frail', { timeout: '5s' }) },
    { match: { prefix: '/', headers: [{ name: 'x-canary', string_match: { exact: 'yes' } }] }, route: to('second', { timeout: '0s' }) },
    {
      ...rest,
      request_headers_to_add: [{ header: { key: 'x-stage', value: stage }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
    },
  ]
}
