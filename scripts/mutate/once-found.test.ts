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

const subsets = (subset_selectors: readonly object[], more: object = {}): object => ({
  '@type': `${TYPE}config.cluster.v3.Cluster`,
  name: 'a',
  type: 'STATIC',
  lb_subset_config: { subset_selectors, ...more },
})

found('a selector of subsets without keys beside one with keys', subsets([{ keys: ['v'] }, { fallback_policy: 'ANY_ENDPOINT' }]))

found('a selector whose fields need user space', subsets([{ keys: ['v'], fallback_policy: 'NO_FALLBACK', single_host_per_subset: true }]))

const listenerWith = (manager: object): object => ({
  '@type': `${TYPE}config.listener.v3.Listener`,
  name: 'a',
  address: { socket_address: { address: '127.0.0.1', port_value: 1 } },
  filter_chains: [
    {
      filters: [
        {
          name: 'http',
          typed_config: {
            '@type': `${TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
            stat_prefix: 'a',
            route_config: { name: 'a' },
            http_filters: [{ name: 'router', typed_config: { '@type': `${TYPE}extensions.filters.http.router.v3.Router` } }],
            ...manager,
          },
        },
      ],
    },
  ],
})

found(
  'a formatter extension of local replies',
  listenerWith({
    local_reply_config: {
      body_format: {
        text_format: '%LOCAL_REPLY_BODY%',
        formatters: [{ name: 'm', typed_config: { '@type': `${TYPE}extensions.formatter.metadata.v3.Metadata` } }],
      },
    },
  }),
)

found(
  'proxies that are trusted by address',
  listenerWith({
    original_ip_detection_extensions: [
      {
        name: 'x',
        typed_config: {
          '@type': `${TYPE}extensions.http.original_ip_detection.xff.v3.XffConfig`,
          xff_trusted_cidrs: { cidrs: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
        },
      },
    ],
  }),
)

found('a DNS cluster that says of which type it is in two ways', {
  '@type': `${TYPE}config.cluster.v3.Cluster`,
  name: 'a',
  type: 'STRICT_DNS',
  cluster_type: {
    name: 'envoy.cluster.dns',
    typed_config: { '@type': `${TYPE}extensions.clusters.dns.v3.DnsCluster`, dns_lookup_family: 'V4_ONLY' },
  },
})

found('settings of hashing where nothing is hashed', {
  '@type': `${TYPE}config.cluster.v3.Cluster`,
  name: 'a',
  type: 'STATIC',
  common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 0 } },
})

found('the configuration of a filter under a type URL that names nothing', {
  '@type': `${TYPE}config.route.v3.RouteConfiguration`,
  name: 'a',
  virtual_hosts: [
    {
      name: 'v',
      domains: ['*'],
      routes: [{ match: { prefix: '/' }, route: { cluster: 'a' }, typed_per_filter_config: { lua: { '@type': '/', disabled: true } } }],
    },
  ],
})

for (const field of ['original_ip_detection_extensions', 'early_header_mutation_extensions'])
  found(
    `${field} that are a cluster`,
    listenerWith({ [field]: [{ name: 'x', typed_config: { '@type': `${TYPE}config.cluster.v3.Cluster`, name: 'x', type: 'EDS' } }] }),
  )

test.run()
