import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { endpointPlaces, envoyResources } from './envoy-resources.ts'

const CONFIG = 'type.googleapis.com/envoy.config'
const socket = (address: string, port: number) => ({ socket_address: { address, port_value: port } })
const assigned = (cluster: string, address: string) => ({
  clusterName: cluster,
  endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(address, 9001) } }] }],
})
const source = (value: unknown) => [{ name: 'snapshot.json', bytes: Buffer.from(JSON.stringify(value)) }]
const snapshot = source([
  { '@type': `${CONFIG}.listener.v3.Listener`, name: 'l', address: socket('127.96.0.1', 80), unheardOf: 1 },
  { '@type': `${CONFIG}.listener.v3.Listener`, name: 'out', address: socket('127.96.0.2', 80) },
  { '@type': `${CONFIG}.cluster.v3.Cluster`, name: 'a', type: 'EDS', edsClusterConfig: { serviceName: 'x' } },
  { '@type': `${CONFIG}.endpoint.v3.ClusterLoadAssignment`, ...assigned('x', '127.96.1.1') },
  {
    '@type': `${CONFIG}.cluster.v3.Cluster`,
    name: 'b',
    load_assignment: {
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socket('db.example', 1) } }, { endpoint: { address: socket('::1', 2) } }] }],
    },
  },
])

test('resources stand as they were, without their types; what is named is left out', () => {
  const { listeners, clusters, assignments, leftOut } = envoyResources(snapshot, new Set(['out', 'nobody']))
  assert.equal(listeners, [{ name: 'l', address: socket('127.96.0.1', 80), unheardOf: 1 }])
  assert.equal(leftOut, ['out'])
  assert.equal(clusters[0]?.eds_cluster_config, { serviceName: 'x' })
  assert.is(assignments[0]?.cluster_name, 'x')
})

test('endpoints are the IP addresses with ports', () =>
  assert.equal(endpointPlaces(envoyResources(snapshot, new Set())), [
    { address: '::1', port: 2 },
    { address: '127.96.1.1', port: 9001 },
  ]))

test.run()
