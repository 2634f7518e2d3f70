/** Small snapshots for stress tests. In: services in a few words; out: xDS resources as a control plane sends them. Pure. */
import type { Json, Resource } from '../generate.ts'

const TYPE = 'type.googleapis.com/envoy'

export interface Service {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly policy?: 'ROUND_ROBIN' | 'RANDOM' | 'LEAST_REQUEST'
  readonly endpoints: readonly Target[]
}

export interface Target {
  readonly address: string
  readonly port: number
  readonly weight?: number
}

/** Listener, cluster and assignment of a TCP service. */
export function tcpService(service: Service): readonly Resource[] {
  return [
    listener(service.name, service, { cluster: service.name }),
    cluster(service.name, service.policy ?? 'ROUND_ROBIN'),
    assignment(service.name, [{ lb_endpoints: service.endpoints.map(lbEndpoint) }]),
  ]
}

/** A listener that splits connections over clusters of one endpoint each. */
export function splitService(place: Target, parts: readonly (Target & { readonly weight: number })[]): readonly Resource[] {
  const name = (index: number): string => `part-${index}`
  const clusters = parts.map(({ weight }, index) => ({ name: name(index), weight }))
  return [
    listener('split', place, { weighted_clusters: { clusters } }),
    ...parts.flatMap((part, index) => [
      cluster(name(index), 'ROUND_ROBIN'),
      assignment(name(index), [{ lb_endpoints: [lbEndpoint({ address: part.address, port: part.port })] }]),
    ]),
  ]
}

export function cluster(name: string, policy: string, more: Resource = {}): Resource {
  return {
    '@type': `${TYPE}.config.cluster.v3.Cluster`,
    name,
    type: 'EDS',
    eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } },
    lb_policy: policy,
    circuit_breakers: { thresholds: [{ max_connections: 1_000_000 }] },
    ...more,
  }
}

export function assignment(name: string, endpoints: readonly Json[]): Resource {
  return { '@type': `${TYPE}.config.endpoint.v3.ClusterLoadAssignment`, cluster_name: name, endpoints }
}

export function lbEndpoint({ address, port, weight }: Target): Resource {
  const endpoint = { address: socketAddress({ address, port }) }
  return weight === undefined ? { endpoint } : { endpoint, load_balancing_weight: weight }
}

export function socketAddress({ address, port }: Target): Resource {
  return { socket_address: { address, port_value: port } }
}

export function listener(name: string, place: Target, target: Resource): Resource {
  const typed_config = { '@type': `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: name, ...target }
  return {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name,
    address: socketAddress(place),
    bind_to_port: false,
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config }] }],
  }
}
