/** What mutation of snapshots once found, made small. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { execute } from './execute.ts'

const TYPE = 'type.googleapis.com/envoy.'
const found = (name: string, resource: object): void => {
  test(name, () => assert.equal(execute({ name: 'snapshot.json', bytes: Buffer.from(JSON.stringify(resource)) }), []))
}

found('an address that has a resolver and nothing else than a port', {
  '@type': `${TYPE}config.endpoint.v3.ClusterLoadAssignment`,
  cluster_name: 'a',
  endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { resolver_name: 'x', port_value: 1 } } } }] }],
})

found('out-of-band load reports with their period', {
  '@type': `${TYPE}config.cluster.v3.Cluster`,
  name: 'a',
  type: 'STATIC',
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: 'x',
          typed_config: {
            '@type': `${TYPE}extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`,
            enable_oob_load_report: true,
            oob_reporting_period: {},
          },
        },
      },
    ],
  },
})

test.run()
