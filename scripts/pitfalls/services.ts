/** Snapshots for the pitfalls. In: a service in a few words, TCP or UDP; out: its listener, cluster and assignment, as a control plane sends them. Pure. */
import type { Resource } from '../generate.ts'
import { assignment, cluster, lbEndpoint, listener, type Target } from '../stress/snapshots.ts'

const TYPE = 'type.googleapis.com/envoy'

export interface PitfallService {
  readonly name: string
  readonly protocol: 'tcp' | 'udp'
  readonly address: string
  readonly port: number
  readonly endpoints: readonly Target[]
  readonly maxConnections?: number
  /** choose by the source address, with MAGLEV */
  readonly hash?: 'source'
}

export function serviceResources(service: PitfallService): readonly Resource[] {
  const { name, endpoints, maxConnections = 1_000_000, hash } = service
  return [
    service.protocol === 'tcp' ? tcpListener(service) : udpListener(service),
    cluster(name, hash === undefined ? 'ROUND_ROBIN' : 'MAGLEV', {
      circuit_breakers: { thresholds: [{ max_connections: maxConnections }] },
    }),
    assignment(name, endpoints.length === 0 ? [] : [{ lb_endpoints: endpoints.map(lbEndpoint) }]),
  ]
}

function tcpListener({ name, address, port, hash }: PitfallService): Resource {
  return listener(name, { address, port }, { cluster: name, ...(hash === undefined ? {} : { hash_policy: [{ source_ip: {} }] }) })
}

function udpListener({ name, address, port, hash }: PitfallService): Resource {
  const proxy = (message: string, config: Resource): Resource => ({
    '@type': `${TYPE}.extensions.filters.udp.udp_proxy.v3.${message}`,
    ...config,
  })
  const typed_config = proxy('UdpProxyConfig', {
    stat_prefix: name,
    matcher: { on_no_match: { action: { name: 'route', typed_config: proxy('Route', { cluster: name }) } } },
    ...(hash === undefined ? {} : { hash_policies: [{ source_ip: true }] }),
  })
  return {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name,
    address: { socket_address: { protocol: 'UDP', address, port_value: port } },
    udp_listener_config: {},
    listener_filters: [{ name: 'envoy.filters.udp_listener.udp_proxy', typed_config }],
  }
}
