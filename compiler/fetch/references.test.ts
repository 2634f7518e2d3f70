import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { referencesOf } from './references.ts'

const type = (name: string): string => `type.googleapis.com/${name}`
const ADS = { ads: {} }
const cluster = (rest: object) => referencesOf({ '@type': type('envoy.config.cluster.v3.Cluster'), name: 'c', ...rest })
const manager = (rest: object) =>
  referencesOf({
    '@type': type('envoy.config.listener.v3.Listener'),
    default_filter_chain: {
      filters: [
        {
          name: 'http',
          typed_config: {
            '@type': type('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
            ...rest,
          },
        },
      ],
    },
  })

test('endpoints: service_name, or the name of the cluster; EDS clusters only', () => {
  assert.equal(cluster({ type: 'EDS', eds_cluster_config: { eds_config: ADS } }).eds, ['c'])
  assert.equal(cluster({ type: 'EDS', eds_cluster_config: { service_name: 's' } }).eds, ['s'])
  assert.equal(cluster({ type: 'STATIC', eds_cluster_config: { service_name: 's' } }).eds, [])
})

test('what a file of the proxy holds is not asked for, and named', () => {
  const from = cluster({ type: 'EDS', eds_cluster_config: { eds_config: { path_config_source: { path: 'eds.yaml' } } } })
  assert.equal([from.eds, from.elsewhere], [[], [{ kind: 'eds', name: 'c' }]])
})

test('routes: by name, scoped inline and over SRDS; an inline configuration names nothing', () => {
  assert.equal(manager({ rds: { route_config_name: 'r', config_source: ADS } }).rds, ['r'])
  assert.equal(manager({ route_config: { name: 'inline' } }).rds, [])
  const inline = { scoped_route_configurations_list: { scoped_route_configurations: [{ route_configuration_name: 'x' }, { name: 'y' }] } }
  assert.equal(manager({ scoped_routes: { name: 's', rds_config_source: ADS, ...inline } }).rds, ['x'])
  const over = manager({ scoped_routes: { name: 's', scoped_rds: { scoped_rds_config_source: ADS } } })
  assert.equal([over.rds, over.srds], [[], 'all'])
  const scope = { '@type': type('envoy.config.route.v3.ScopedRouteConfiguration'), name: 'a', route_configuration_name: 'z' }
  assert.equal(referencesOf(scope).rds, ['z'])
})

test('discovered filters', () => {
  const filters = [{ name: 'wasm', config_discovery: { config_source: ADS, type_urls: [] } }, { name: 'router' }]
  assert.equal(manager({ http_filters: filters }).ecds, ['wasm'])
})

test.run()
