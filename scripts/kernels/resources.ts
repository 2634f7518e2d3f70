/** What the snapshots of all artifacts are made of. In: names, addresses. Out: parts of xDS resources. */
import type { POLICIES } from '../../proto/abi.ts'

/** The servers of every cluster here. */
export const SERVERS: readonly string[] = [1, 2, 3].map((number) => `127.96.7.${number}`)
export const PORT = 18081

export const socketAddress = (address: string, port: number, protocol: 'TCP' | 'UDP' = 'TCP') => ({
  socket_address: { address, port_value: port, protocol },
})
export const typed = (name: string, type: string, fields: object) => ({
  name,
  typed_config: { '@type': `type.googleapis.com/${type}`, ...fields },
})

/** Of this policy and name, with servers of weights 1, 2 and 3. */
export function cluster(policy: (typeof POLICIES)[number]): object {
  const endpoints = SERVERS.map((address, weight) => ({
    endpoint: { address: socketAddress(address, PORT) },
    load_balancing_weight: weight + 1,
  }))
  return {
    '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    name: policy,
    type: 'STATIC',
    connect_timeout: '1s',
    lb_policy: policy,
    load_assignment: { cluster_name: policy, endpoints: [{ lb_endpoints: endpoints }] },
  }
}
