import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findResources } from './forms.ts'
import { envoySchema } from './schema.ts'

const URL = 'type.googleapis.com/'
const LISTENER = 'envoy.config.listener.v3.Listener'
const CLUSTER = 'envoy.config.cluster.v3.Cluster'
const ASSIGNMENT = 'envoy.config.endpoint.v3.ClusterLoadAssignment'
const ROUTES = 'envoy.config.route.v3.RouteConfiguration'
const typed = (type: string, fields: object) => ({ '@type': URL + type, ...fields })

/** "kind pointer" of each resource, then "code pointer" of each finding */
function forms(value: unknown): readonly string[] {
  const { found, findings } = findResources(value, envoySchema())
  return [
    ...found.map(({ type, pointer, copy }) => `${type.split('.').at(-1)} ${pointer.join('/')}${copy ? ' copy' : ''}`),
    ...findings.map(({ code, pointer }) => `${code} ${pointer.join('/')}`),
  ]
}

test('resources with @type: one, a list', () => {
  assert.equal(forms(typed(CLUSTER, { name: 'a' })), ['Cluster '])
  assert.equal(forms([typed(CLUSTER, { name: 'a' }), typed('foo.Bar', {})]), ['Cluster 0', 'Bar 1'])
})

test('DiscoveryResponse, also its delta form, also without @type', () => {
  const resources = [typed(CLUSTER, { name: 'a' })]
  assert.equal(forms({ versionInfo: '1', typeUrl: URL + CLUSTER, resources }), ['Cluster resources/0'])
  assert.equal(forms({ type_url: URL + CLUSTER, resources: [{ name: 'a' }] }), ['Cluster resources/0'])
  assert.equal(forms(typed('envoy.service.discovery.v3.DiscoveryResponse', { resources })), ['Cluster resources/0'])
  assert.equal(forms({ resources: [{ name: 'a', version: '1', resource: resources[0] }] }), ['Cluster resources/0/resource'])
  assert.equal(forms([{ typeUrl: URL + CLUSTER, resources }, { resources }]), ['Cluster 0/resources/0', 'Cluster 1/resources/0'])
})

test('a map from kind to list, to map, by type URL', () => {
  const a = { name: 'a' }
  assert.equal(forms({ listeners: [a], clusters: [a], endpoints: [{ clusterName: 'a' }], routes: [a] }), [
    'Listener listeners/0',
    'Cluster clusters/0',
    'ClusterLoadAssignment endpoints/0',
    'RouteConfiguration routes/0',
  ])
  assert.equal(forms({ loadAssignments: [{ clusterName: 'a' }], route_configs: [a] }), [
    'ClusterLoadAssignment loadAssignments/0',
    'RouteConfiguration route_configs/0',
  ])
  assert.equal(forms({ [URL + CLUSTER]: { a: { name: 'a' } }, [LISTENER]: [a] }), [`Cluster ${URL}${CLUSTER}/a`, `Listener ${LISTENER}/0`])
  assert.equal(forms({ diff: [], xds: { [URL + CLUSTER]: { a: { name: 'a' } } } }), [`Cluster xds/${URL}${CLUSTER}/a`])
  assert.equal(forms({ clusters: [a], gadgets: [1] }), ['Cluster clusters/0', 'KM1010 gadgets'])
  assert.equal(forms({ clusters: 5, listeners: [] }), ['KM1101 clusters'])
})

test('resources without @type are told by their fields', () => {
  assert.equal(forms([{ name: 'a', connectTimeout: '1s' }, { name: 'b' }]), ['Cluster 0', 'Cluster 1'])
  assert.equal(forms([{ cluster_name: 'a', endpoints: [] }]), ['ClusterLoadAssignment 0'])
  assert.equal(forms({ name: 'r', virtual_hosts: [] }), ['RouteConfiguration '])
  assert.equal(forms({ name: 'l', address: {}, filterChains: [] }), ['Listener '])
  assert.equal(forms({ name: 'f', typedConfig: {} }), ['TypedExtensionConfig '])
})

test('config dump: what is active, what is not, what is a copy', () => {
  const cluster = (name: string) => typed(CLUSTER, { name })
  const dump = {
    configs: [
      typed('envoy.admin.v3.BootstrapConfigDump', { bootstrap: { node: {}, static_resources: { clusters: [{ name: 's' }] } } }),
      typed('envoy.admin.v3.ClustersConfigDump', {
        static_clusters: [{ cluster: cluster('s') }],
        dynamic_active_clusters: [{ cluster: cluster('a') }, { cluster: cluster('e'), error_state: { details: 'bad\nthing' } }],
        dynamic_warming_clusters: [{ cluster: cluster('w') }],
      }),
      typed('envoy.admin.v3.ListenersConfigDump', {
        dynamicListeners: [
          {
            name: 'l',
            activeState: { listener: typed(LISTENER, { name: 'l' }) },
            warmingState: { listener: typed(LISTENER, { name: 'l' }) },
          },
          { name: 'm', errorState: { details: 'no', failedConfiguration: {} } },
          { name: 'd', drainingState: { listener: typed(LISTENER, { name: 'd' }) } },
        ],
      }),
      typed('envoy.admin.v3.RoutesConfigDump', {
        staticRouteConfigs: [{ routeConfig: typed(ROUTES, { name: 'i' }) }],
        dynamicRouteConfigs: [{ routeConfig: typed(ROUTES, { name: 'r' }) }],
      }),
      typed('envoy.admin.v3.EndpointsConfigDump', {
        static_endpoint_configs: [{ endpoint_config: typed(ASSIGNMENT, { cluster_name: 's' }) }],
        dynamic_endpoint_configs: [{ endpoint_config: { clusterName: 'a' } }],
      }),
      typed('envoy.admin.v3.ScopedRoutesConfigDump', {}),
    ],
  }
  assert.equal(forms(dump), [
    'Bootstrap configs/0/bootstrap',
    'Cluster configs/0/bootstrap/static_resources/clusters/0 copy',
    'Cluster configs/1/static_clusters/0/cluster',
    'Cluster configs/1/dynamic_active_clusters/0/cluster',
    'Cluster configs/1/dynamic_active_clusters/1/cluster',
    'Listener configs/2/dynamicListeners/0/activeState/listener',
    'RouteConfiguration configs/3/dynamicRouteConfigs/0/routeConfig',
    'ClusterLoadAssignment configs/4/static_endpoint_configs/0/endpoint_config copy',
    'ClusterLoadAssignment configs/4/dynamic_endpoint_configs/0/endpoint_config',
    'KM1016 configs/1/dynamic_active_clusters/1/error_state',
    'KM1015 configs/1/dynamic_warming_clusters/0',
    'KM1015 configs/2/dynamicListeners/0',
    'KM1016 configs/2/dynamicListeners/1/errorState',
  ])
  assert.equal(forms({ ns: { pod: dump } }).length, 13)
  assert.equal(forms(dump.configs).length, 13)
  assert.equal(forms(dump.configs[2]).length, 3)
})

test('a bootstrap', () => {
  const value = {
    admin: {},
    staticResources: { listeners: [{ name: 'l' }], clusters: [{ name: 'c' }], secrets: [], gadgets: [], endpoints: 5 },
  }
  assert.equal(forms(value), [
    'Bootstrap ',
    'Listener staticResources/listeners/0',
    'Cluster staticResources/clusters/0',
    'KM1103 staticResources/gadgets',
    'KM1101 staticResources/endpoints',
  ])
  assert.is(findResources(value, envoySchema()).found[1]?.origin, 'static')
})

test('client status discovery', () => {
  assert.equal(
    forms({ config: [{ node: {}, genericXdsConfigs: [{ typeUrl: URL + CLUSTER, name: 'a', xdsConfig: typed(CLUSTER, { name: 'a' }) }] }] }),
    ['Cluster config/0/genericXdsConfigs/0/xdsConfig'],
  )
})

test('foreign content is named', () => {
  assert.equal(forms({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's' } }), ['KM1009 '])
  assert.match(
    findResources({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's' } }, envoySchema()).findings[0]?.message ?? '',
    /Kubernetes Service "s"/,
  )
  assert.equal(forms({ workloads: [], services: [], policies: [] }), ['KM1008 '])
  for (const value of [5, 'x', true, {}, { a: 1 }, { a: { b: { c: {} } } }, ['x'], [[1]], [null]])
    assert.match(forms(value)[0] ?? '', /^KM1010 /, JSON.stringify(value))
  assert.equal(forms([]), [])
})

test.run()
