/** What the contestants are configured with. In: where to listen, where the server is; out: text of their configuration. Pure. */
import { type Resource, resources } from '../generate.ts'

export interface Socket {
  readonly address: string
  readonly port: number
}

const TYPE = 'type.googleapis.com/envoy'
/** Neighbours of the measured service, so that tables are not of size one. */
const NEIGHBOURS = { services: 1000, endpoints: 10_000, seed: 1, network: 127 } as const
/** Addresses of the one server that the service spreads over. */
const ENDPOINTS = 4

function socketAddress({ address, port }: Socket): Resource {
  return { socket_address: { address, port_value: port } }
}

function tcpProxy(cluster: string): Resource {
  return {
    name: 'tcp',
    typed_config: { '@type': `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 'bench', cluster },
  }
}

/** Envoy as a plain TCP proxy: one listener, one cluster, no access log. */
export function envoyConfig(listen: Socket, server: Socket): string {
  const load_assignment = { cluster_name: 'server', endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(server) } }] }] }
  return JSON.stringify({
    static_resources: {
      listeners: [{ name: 'bench', address: socketAddress(listen), filter_chains: [{ filters: [tcpProxy('server')] }] }],
      clusters: [{ name: 'server', type: 'STATIC', connect_timeout: '2s', load_assignment }],
    },
  })
}

export function haproxyConfig(listen: Socket, server: Socket): string {
  return `global
  nbthread 2
  maxconn 8000
defaults
  mode tcp
  timeout connect 2s
  timeout client 60s
  timeout server 60s
listen bench
  bind ${listen.address}:${listen.port}
  server server ${server.address}:${server.port}
`
}

/** The addresses that the measured service spreads over. */
export function endpointsOf(server: Socket): readonly Socket[] {
  const prefix = server.address.replace(/\d+$/, '')
  return Array.from({ length: ENDPOINTS }, (_, index) => ({ address: `${prefix}${index + 1}`, port: server.port }))
}

/** The measured service among its neighbours, as a control plane sends it. Its endpoints are addresses of the same server. */
export function snapshot(service: Socket, server: Socket): string {
  const endpoints = endpointsOf(server)
  const measured: readonly Resource[] = [
    {
      '@type': `${TYPE}.config.listener.v3.Listener`,
      name: 'measured',
      address: socketAddress(service),
      bind_to_port: false,
      filter_chains: [{ filters: [tcpProxy('measured')] }],
    },
    {
      '@type': `${TYPE}.config.cluster.v3.Cluster`,
      name: 'measured',
      type: 'EDS',
      eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } },
      circuit_breakers: { thresholds: [{ max_connections: 100_000 }] },
    },
    {
      '@type': `${TYPE}.config.endpoint.v3.ClusterLoadAssignment`,
      cluster_name: 'measured',
      endpoints: [{ lb_endpoints: endpoints.map((endpoint) => ({ endpoint: { address: socketAddress(endpoint) } })) }],
    },
  ]
  return JSON.stringify([...resources(NEIGHBOURS), ...measured])
}
