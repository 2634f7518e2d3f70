import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type AnalyseOptions, analyse } from '../compile.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { addressPortText } from '../../proto/address/address-text.ts'
import type { Cluster } from './program.ts'

type Json = Readonly<Record<string, unknown>>

const at = (address: string, port: number, more: Json = {}): Json => ({
  endpoint: { address: { socket_address: { address, port_value: port } } },
  ...more,
})
const assignment = (endpoints: readonly Json[], more: Json = {}): Json => ({
  cluster_name: 'a',
  endpoints: [{ lb_endpoints: endpoints }],
  ...more,
})
const cluster = (more: Json): Json => ({ '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'a', ...more })
const eds = (more: Json): Json => ({
  '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  cluster_name: 'a',
  ...more,
})
const TLS = { name: 'tls', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext' } }
const RAW = { name: 'raw', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer' } }
const mesh = (labels: Json): Json => ({ metadata: { filter_metadata: { 'envoy.transport_socket_match': labels } } })

interface Made {
  readonly cluster: Cluster
  readonly codes: readonly string[]
  readonly unclassified: number
  /** endpoints by priority, "ip:port" with weight and health where they are not the default */
  readonly endpoints: readonly (readonly string[])[]
}

function make(resources: readonly Json[], options: Partial<AnalyseOptions> = {}): Made {
  const diag = createDiagnostics()
  const source = { name: 'snapshot.json', bytes: Buffer.from(JSON.stringify(resources)) }
  const { program, coverage } = analyse(
    [source],
    { resolve: new Map(), addresses: [], plaintextTo: new Set(), strict: false, ...options },
    diag,
    () => undefined,
  )
  const found = program.clusters[0] as Cluster
  const priorities = found.target.kind === 'balance' ? found.target.balance.priorities : []
  return {
    cluster: found,
    codes: diag.list.map(({ code, severity }) => (severity === 'error' ? `${code}!` : code)),
    unclassified: coverage.unclassified,
    endpoints: priorities.map(({ localities }) =>
      localities.flatMap(({ endpoints }) =>
        endpoints.map(({ address, port, weight, health }) =>
          [addressPortText(address, port), ...(weight === 1 ? [] : [weight]), ...(health === 'healthy' ? [] : [health])].join(' '),
        ),
      ),
    ),
  }
}

const why = ({ cluster: { target } }: Made): string => (target.kind === 'refuse' ? `${target.reason}: ${target.why}` : target.kind)

test("a cluster without type is STATIC and has Envoy's defaults", () => {
  const made = make([cluster({ load_assignment: assignment([at('127.96.1.1', 80)]) })])
  assert.equal(made.endpoints, [['127.96.1.1:80']])
  assert.is(made.cluster.maxConnections, 1024)
  assert.equal(made.codes, [])
  const { target } = made.cluster
  assert.ok(target.kind === 'balance')
  const { policy, overprovisioningFactor, panicThreshold, localityWeighted, failTrafficOnPanic, weightedPriorityHealth } = target.balance
  assert.equal(
    { policy, overprovisioningFactor, panicThreshold, localityWeighted, failTrafficOnPanic, weightedPriorityHealth },
    {
      policy: { name: 'ROUND_ROBIN' },
      overprovisioningFactor: 140,
      panicThreshold: 50,
      localityWeighted: false,
      failTrafficOnPanic: false,
      weightedPriorityHealth: false,
    },
  )
})

test('EDS is found by service_name, else by the name of the cluster', () => {
  const config = (more: Json): Json => cluster({ type: 'EDS', eds_cluster_config: { eds_config: { ads: {} }, ...more } })
  assert.equal(make([config({}), eds({ endpoints: [{ lb_endpoints: [at('127.96.1.1', 80)] }] })]).endpoints, [['127.96.1.1:80']])
  const named = make([
    config({ service_name: 's' }),
    eds({ endpoints: [{ lb_endpoints: [at('127.96.1.1', 80)] }] }),
    eds({ cluster_name: 's', endpoints: [{ lb_endpoints: [at('127.96.1.2', 80)] }] }),
  ])
  assert.equal(named.endpoints, [['127.96.1.2:80']])
  const missing = make([config({ service_name: 'nobody' })])
  assert.equal([missing.endpoints, missing.codes], [[], ['KM1308']])
})

test('health, weights, localities and gaps between priorities are kept', () => {
  const made = make([
    cluster({
      type: 'EDS',
      eds_cluster_config: { eds_config: { ads: {} } },
      common_lb_config: { healthy_panic_threshold: { value: 12.6 } },
    }),
    eds({
      policy: { overprovisioning_factor: 200, weighted_priority_health: true },
      endpoints: [
        { priority: 2, lb_endpoints: [at('127.96.1.9', 80)] },
        {
          locality: { region: 'r', zone: 'z', sub_zone: 's' },
          load_balancing_weight: 7,
          lb_endpoints: ['HEALTHY', 'UNKNOWN', 'UNHEALTHY', 'DRAINING', 'TIMEOUT', 'DEGRADED'].map((status, index) =>
            at('127.96.1.1', index, { health_status: status, load_balancing_weight: index + 1 }),
          ),
        },
      ],
    }),
  ])
  assert.equal(made.endpoints, [
    [
      '127.96.1.1:0',
      '127.96.1.1:1 2',
      '127.96.1.1:2 3 unhealthy',
      '127.96.1.1:3 4 draining',
      '127.96.1.1:4 5 unhealthy',
      '127.96.1.1:5 6 degraded',
    ],
    [],
    ['127.96.1.9:80'],
  ])
  const { target } = made.cluster
  assert.ok(target.kind === 'balance')
  assert.is(target.balance.panicThreshold, 12)
  assert.is(target.balance.overprovisioningFactor, 200)
  assert.ok(target.balance.weightedPriorityHealth)
  const locality = target.balance.priorities[0]?.localities[0]
  assert.equal([locality?.region, locality?.zone, locality?.subZone, locality?.weight], ['r', 'z', 's', 7])
})

test('EDS keeps the first of equal addresses over all priorities; STATIC keeps them all', () => {
  const places = [
    { lb_endpoints: [at('127.96.1.1', 80), at('127.96.1.1', 80, { load_balancing_weight: 9 }), at('127.96.1.1', 81)] },
    { priority: 1, lb_endpoints: [at('127.96.1.1', 81)] },
  ]
  const once = make([cluster({ type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } }), eds({ endpoints: places })])
  assert.equal([once.endpoints, once.codes], [[['127.96.1.1:80', '127.96.1.1:81'], []], ['KM1312']])
  const all = make([cluster({ load_assignment: { cluster_name: 'a', endpoints: places } })])
  assert.equal([all.endpoints, all.codes], [[['127.96.1.1:80', '127.96.1.1:80 9', '127.96.1.1:81'], ['127.96.1.1:81']], []])
})

test('a host name needs addresses, and the lookup family chooses among them', () => {
  const resolve = new Map([['a.example', ['127.96.1.1', '::1', '127.96.1.2']]])
  const dns = (type: string, more: Json = {}): Made =>
    make([cluster({ type, ...more, load_assignment: assignment([at('A.example.', 80)]) })], { resolve })
  assert.equal(dns('STRICT_DNS').endpoints, [['[::1]:80']])
  assert.equal(dns('STRICT_DNS', { dns_lookup_family: 'V4_ONLY' }).endpoints, [['127.96.1.1:80', '127.96.1.2:80']])
  assert.equal(dns('STRICT_DNS', { dns_lookup_family: 'V4_PREFERRED' }).endpoints, [['127.96.1.1:80', '127.96.1.2:80']])
  assert.equal(dns('STRICT_DNS', { dns_lookup_family: 'ALL' }).endpoints, [['127.96.1.1:80', '[::1]:80', '127.96.1.2:80']])
  assert.equal(dns('LOGICAL_DNS', { dns_lookup_family: 'V4_ONLY' }).endpoints, [['127.96.1.1:80']])
  const unknown = make([cluster({ type: 'STRICT_DNS', load_assignment: assignment([at('127.96.1.1', 80), at('b.example', 80)]) })], {
    resolve,
  })
  assert.equal([why(unknown), unknown.codes], ['unresolved: host name b.example', ['KM1302']])
  const none = make([cluster({ type: 'STRICT_DNS', dns_lookup_family: 'V6_ONLY', load_assignment: assignment([at('c.example', 80)]) })], {
    resolve: new Map([['c.example', ['127.96.1.1']]]),
  })
  assert.match(why(none), 'unresolved')
})

test('the DNS cluster extension', () => {
  const dns = (more: Json): Json =>
    cluster({
      cluster_type: {
        name: 'envoy.cluster.dns',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster', ...more },
      },
      load_assignment: assignment([at('a.example', 80)]),
    })
  const resolve = new Map([['a.example', ['127.96.1.1', '127.96.1.2']]])
  assert.equal(make([dns({})], { resolve }).endpoints, [['127.96.1.1:80', '127.96.1.2:80']])
  assert.equal(make([dns({ all_addresses_in_single_endpoint: true })], { resolve }).endpoints, [['127.96.1.1:80']])
})

test('ipv4_compat of an endpoint means nothing, and an endpoint of no subset needs an address too', () => {
  const compat = { endpoint: { address: { socket_address: { address: '::1', port_value: 80, ipv4_compat: true } } } }
  assert.equal(make([cluster({ load_assignment: assignment([compat]) })]).codes, [])
  const subsets = { fallback_policy: 'DEFAULT_SUBSET', default_subset: { stage: 'prod' }, subset_selectors: [{ keys: ['stage'] }] }
  const inSubset = at('127.96.1.1', 80, { metadata: { filter_metadata: { 'envoy.lb': { stage: 'prod' } } } })
  const { codes } = make([cluster({ lb_subset_config: subsets, load_assignment: assignment([inSubset, at('x y', 80)]) })])
  assert.ok(codes.includes('KM1309!'), codes.join(' '))
})

test('an address that is none is refused where Envoy looks nothing up', () => {
  assert.equal(make([cluster({ load_assignment: assignment([at('a.example', 80)]) })]).codes, ['KM1309!'])
  assert.equal(
    make([
      cluster({
        load_assignment: assignment([{ endpoint: { address: { socket_address: { address: '127.96.1.1', named_port: 'http' } } } }]),
      }),
    ]).codes,
    ['KM1309!'],
  )
})

test('eds_cluster_config belongs to EDS, and an EDS cluster says where its endpoints come from', () => {
  assert.equal(make([cluster({ type: 'STATIC', eds_cluster_config: { eds_config: { ads: {} } } })]).codes, ['KM1311!'])
  const bare = make([cluster({ type: 'EDS' }), eds({ endpoints: [{ lb_endpoints: [at('127.96.1.1', 80)] }] })])
  assert.equal([bare.codes, bare.endpoints], [['KM1314!'], [['127.96.1.1:80']]])
})

test('ORIGINAL_DST', () => {
  assert.is(why(make([cluster({ type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' })])), 'original_dst')
  assert.is(
    why(make([cluster({ type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED', transport_socket: TLS })])),
    'tls: original destinations need TLS',
  )
  assert.match(
    why(make([cluster({ type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED', original_dst_lb_config: { upstream_port_override: 80 } })])),
    'diverted',
  )
  assert.is(
    why(make([cluster({ type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED', original_dst_lb_config: { use_http_header: true } })])),
    'original_dst',
  )
})

test('TLS for all, for some by their labels, by the labels of their locality', () => {
  assert.is(
    why(make([cluster({ transport_socket: TLS, load_assignment: assignment([at('127.96.1.1', 80)]) })])),
    'tls: its endpoints need TLS',
  )
  assert.is(why(make([cluster({ transport_socket: RAW, load_assignment: assignment([at('127.96.1.1', 80)]) })])), 'balance')
  const matches = { transport_socket_matches: [{ name: 'm', match: { tlsMode: 'istio' }, transport_socket: TLS }] }
  const some = make([
    cluster({ ...matches, load_assignment: assignment([at('127.96.1.1', 80), at('127.96.1.2', 80, mesh({ tlsMode: 'istio', more: 1 }))]) }),
  ])
  assert.equal([why(some), some.codes], ['tls: 1 of its 2 endpoints need TLS', ['KM1301']])
  assert.is(
    why(make([cluster({ ...matches, load_assignment: assignment([at('127.96.1.1', 80, mesh({ tlsMode: 'other' }))]) })])),
    'balance',
  )
  const locality = { cluster_name: 'a', endpoints: [{ ...mesh({ tlsMode: 'istio' }), lb_endpoints: [at('127.96.1.1', 80)] }] }
  assert.match(why(make([cluster({ ...matches, load_assignment: locality })])), 'tls')
})

test('the first match counts, and a match without labels fits everything', () => {
  const made = (sockets: readonly Json[]): string =>
    why(
      make([
        cluster({
          transport_socket_matches: sockets,
          transport_socket: TLS,
          load_assignment: assignment([at('127.96.1.1', 80, mesh({ tlsMode: 'istio' }))]),
        }),
      ]),
    )
  assert.is(
    made([
      { name: 'raw', match: {}, transport_socket: RAW },
      { name: 'tls', match: { tlsMode: 'istio' }, transport_socket: TLS },
    ]),
    'balance',
  )
  assert.match(made([{ name: 'raw', match: { tlsMode: 'disabled' }, transport_socket: RAW }]), 'tls')
})

test("--plaintext-to=istio is for Istio's own match on TLS and for nothing else", () => {
  const options = { plaintextTo: new Set(['istio'] as const) }
  const meshed = (match: Json, socket: Json): string =>
    why(
      make(
        [
          cluster({
            transport_socket_matches: [{ name: 'm', match, transport_socket: socket }],
            load_assignment: assignment([at('127.96.1.1', 80, mesh({ tlsMode: 'istio', tunnel: 'http' }))]),
          }),
        ],
        options,
      ),
    )
  assert.is(meshed({ tlsMode: 'istio' }, TLS), 'balance')
  assert.match(
    meshed(
      { tunnel: 'http' },
      {
        name: 'inner',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport',
          transport_socket: RAW,
        },
      },
    ),
    'internal listener',
  )
  assert.match(meshed({ tlsMode: 'istio', tunnel: 'http' }, TLS), 'tls')
  assert.match(why(make([cluster({ transport_socket: TLS, load_assignment: assignment([at('127.96.1.1', 80)]) })], options)), 'tls')
})

test('what RING_HASH and MAGLEV hash: hash_key, host name where asked for, else the address', () => {
  const keys = (more: Json, endpoints: readonly Json[]): readonly string[] => {
    const { target } = make([cluster({ lb_policy: 'MAGLEV', ...more, load_assignment: assignment(endpoints) })], {
      resolve: new Map([['n.example', ['127.96.1.4']]]),
    }).cluster
    assert.ok(target.kind === 'balance')
    return target.balance.priorities.flatMap(({ localities }) =>
      localities.flatMap(({ endpoints: list }) => list.map(({ hashKey }) => hashKey)),
    )
  }
  const endpoints = [
    at('127.96.1.1', 80),
    at('FD00:0::1', 80),
    at('127.96.1.2', 80, { metadata: { filter_metadata: { 'envoy.lb': { hash_key: 'k' } } } }),
    { endpoint: { hostname: 'h', address: { socket_address: { address: '127.96.1.3', port_value: 80 } } } },
  ]
  assert.equal(keys({}, endpoints), ['127.96.1.1:80', '[fd00::1]:80', 'k', '127.96.1.3:80'])
  const byName = { type: 'STRICT_DNS', common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } } }
  assert.equal(keys(byName, [...endpoints.slice(2), at('n.example', 80)]), ['k', 'h', 'n.example'])
})

test('what the kernel cannot do refuses, with the reason', () => {
  const refused = (more: Json): Made => make([cluster({ load_assignment: assignment([at('127.96.1.1', 80)]), ...more })])
  assert.match(why(refused({ circuit_breakers: { per_host_thresholds: [{ max_connections: 1 }] } })), 'per_host_thresholds')
  assert.match(why(refused({ upstream_bind_config: { source_address: { address: '127.0.0.6', port_value: 0 } } })), 'upstream_bind_config')
  assert.match(
    why(refused({ filters: [{ name: 'own', typed_config: { '@type': 'type.googleapis.com/example.Own' } }] })),
    'upstream filter own',
  )
  assert.match(
    why(refused({ upstream_config: { name: 'x', typed_config: { '@type': 'type.googleapis.com/example.Own' } } })),
    'upstream_config',
  )
  assert.match(
    why(refused({ lb_subset_config: { panic_mode_any: true, subset_selectors: [{ keys: ['v'] }] } })),
    'lb_subset_config with panic_mode_any',
  )
  assert.is(why(refused({ lb_subset_config: { fallback_policy: 'ANY_ENDPOINT', subset_selectors: [{ keys: ['v'] }] } })), 'balance')
  assert.is(why(refused({ upstream_bind_config: { source_address: { address: '0.0.0.0', port_value: 0 } } })), 'balance')
  assert.is(why(refused({ lb_subset_config: {} })), 'balance')
  assert.is(
    why(
      refused({
        filters: [{ name: 'm', typed_config: { '@type': 'type.googleapis.com/envoy.tcp.metadataexchange.config.MetadataExchange' } }],
      }),
    ),
    'balance',
  )
})

test('outlier detection and active health checks: warnings, errors where the user is strict', () => {
  const both = [
    cluster({
      outlier_detection: {},
      health_checks: [{ timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} }],
      load_assignment: assignment([at('127.96.1.1', 80)]),
    }),
  ]
  assert.equal(make(both).codes, ['KM1304', 'KM1305'])
  assert.equal(make(both, { strict: true }).codes, ['KM1304!', 'KM1305!'])
  assert.is(make(both).unclassified, 0)
})

test('clusters are in the order of their names', () => {
  const diag = createDiagnostics()
  const bytes = Buffer.from(JSON.stringify(['b', 'a', 'c'].map((name) => cluster({ name }))))
  const { program } = analyse(
    [{ name: 's.json', bytes }],
    { resolve: new Map(), addresses: [], plaintextTo: new Set(), strict: false },
    diag,
    () => undefined,
  )
  assert.equal(
    program.clusters.map(({ name }) => name),
    ['a', 'b', 'c'],
  )
})

test.run()
