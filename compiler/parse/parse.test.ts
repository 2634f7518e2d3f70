import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type AnalyseOptions, type Analysis, analyse } from '../compile.ts'
import type { Diagnostic } from '../diag/diagnostic.ts'
import { createDiagnostics } from '../diag/sink.ts'

type Json = Readonly<Record<string, unknown>>

const PLAIN: AnalyseOptions = { resolve: new Map(), addresses: [], plaintextTo: new Set(), strict: false }
const NETWORK = 'type.googleapis.com/envoy.extensions.filters.network.'

interface Read {
  readonly analysis: Analysis
  readonly list: readonly Diagnostic[]
  readonly codes: readonly string[]
  /** class of the paths that contain a text */
  classOf(part: string): readonly string[]
}

function read(resources: readonly Json[], options: Partial<AnalyseOptions> = {}): Read {
  const diag = createDiagnostics()
  const analysis = analyse(
    [{ name: 'snapshot.json', bytes: Buffer.from(JSON.stringify(resources)) }],
    { ...PLAIN, ...options },
    diag,
    () => undefined,
  )
  return {
    analysis,
    list: diag.list,
    codes: diag.list.map(({ code }) => code),
    classOf: (part) => [...new Set(analysis.coverage.fields.filter(({ path }) => path.includes(part)).map((field) => field.class))],
  }
}

const tcp = (more: Json = { cluster: 'a' }): Json => ({
  name: 'tcp',
  typed_config: { '@type': `${NETWORK}tcp_proxy.v3.TcpProxy`, stat_prefix: 's', ...more },
})
const listener = (more: Json = {}): Json => ({
  '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
  name: 'l',
  address: { socket_address: { address: '127.96.0.1', port_value: 80 } },
  filter_chains: [{ filters: [tcp()] }],
  ...more,
})
const cluster: Json = { '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'a' }
const fallback = ({ analysis }: Read): string => {
  const [first] = analysis.program.listeners
  const action = first?.chains[0]?.action ?? first?.fallback
  return action === undefined
    ? 'none'
    : action.kind === 'divert'
      ? `divert ${action.why}`
      : action.kind === 'refuse'
        ? `refuse ${action.reason}`
        : action.kind
}

test('a listener whose settings are all about the proxy itself is compiled', () => {
  const found = read([
    cluster,
    listener({
      stat_prefix: 'x',
      per_connection_buffer_limit_bytes: 1,
      metadata: {},
      drain_type: 'MODIFY_ONLY',
      listener_filters_timeout: '1s',
      continue_on_listener_filters_timeout: true,
      transparent: true,
      freebind: true,
      tcp_fast_open_queue_length: 1,
      traffic_direction: 'OUTBOUND',
      enable_reuse_port: false,
      tcp_backlog_size: 1,
      max_connections_to_accept_per_socket_event: 1,
      connection_balance_config: { exact_balance: {} },
      listener_filters: [
        { name: 'o', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst' } },
      ],
    }),
  ])
  assert.equal(found.codes, [])
  assert.is(fallback(found), 'cluster')
  assert.is(found.analysis.coverage.unclassified, 0)
  assert.equal(found.classOf('.tcp_backlog_size'), ['ignored-safe'])
  assert.equal(found.classOf('.stat_prefix'), ['ignored-safe'])
  assert.equal(found.classOf('.socket_address.address'), ['compiled'])
})

test('what needs user space diverts the whole listener, its chains are not half applied', () => {
  for (const [field, value, why] of [
    [
      'listener_filters',
      [
        {
          name: 'limit',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit',
            stat_prefix: 'l',
            token_bucket: { max_tokens: 1, fill_interval: '1s' },
          },
        },
      ],
      'the listener filter local_ratelimit',
    ],
    [
      'listener_filters',
      [
        {
          name: 'x',
          config_discovery: { config_source: { ads: {} }, type_urls: ['envoy.extensions.filters.listener.original_dst.v3.OriginalDst'] },
        },
      ],
      'the listener filter x (config_discovery)',
    ],
    ['fcds_config', { name: 'n', config_source: { ads: {} } }, 'filter chains that are discovered (fcds_config)'],
  ] as const) {
    const found = read([cluster, listener({ [field]: value })])
    assert.is(fallback(found), `divert ${why}`, field)
    assert.equal(found.classOf('.typed_config.cluster'), ['diverted'])
    // that a filter comes from elsewhere has a finding of its own
    assert.equal(
      found.codes.filter((code) => code !== 'KM1721'),
      ['KM1201'],
    )
    assert.is(found.analysis.coverage.unclassified, 0)
  }
})

test('filters before tcp_proxy: what decides or is unknown diverts, what watches does not', () => {
  const before = (type: string, more: Json = {}): string =>
    fallback(read([cluster, listener({ filter_chains: [{ filters: [{ name: 'f', typed_config: { '@type': type, ...more } }, tcp()] }] })]))
  assert.is(before(`${NETWORK}rbac.v3.RBAC`, { stat_prefix: 's' }), 'divert the network filter rbac')
  assert.is(
    before(`${NETWORK}local_ratelimit.v3.LocalRateLimit`, { stat_prefix: 's', token_bucket: { max_tokens: 1, fill_interval: '1s' } }),
    'divert the network filter local_ratelimit',
  )
  assert.is(before(`${NETWORK}sni_cluster.v3.SniCluster`), 'divert the network filter sni_cluster')
  assert.is(before('type.googleapis.com/example.Own'), 'divert the network filter example.Own')
  assert.is(before('type.googleapis.com/stats.PluginConfig'), 'cluster')
  assert.is(before(`${NETWORK}mongo_proxy.v3.MongoProxy`, { stat_prefix: 's' }), 'cluster')
  assert.is(
    before(`${NETWORK}mongo_proxy.v3.MongoProxy`, { stat_prefix: 's', delay: { fixed_delay: '1s', percentage: {} } }),
    'divert the network filter mongo_proxy',
  )
})

test("tcp_proxy: timers and logs are the proxy's, tunnels and limits of life divert", () => {
  const of = (more: Json): Read => read([cluster, listener({ filter_chains: [{ filters: [tcp({ cluster: 'a', ...more })] }] })])
  for (const more of [
    { idle_timeout: '1s' },
    { max_connect_attempts: 3 },
    { metadata_match: { filter_metadata: { 'envoy.lb': { v: '1' } } } },
    { access_log_options: { access_log_flush_interval: '1s' } },
  ]) {
    const found = of(more)
    assert.is(fallback(found), 'cluster', JSON.stringify(more))
    assert.is(found.analysis.coverage.unclassified, 0)
  }
  assert.match(fallback(of({ tunneling_config: { hostname: 'h:1' } })), 'tunneling_config')
  assert.match(fallback(of({ max_downstream_connection_duration: '1s' })), 'max_downstream_connection_duration')
  assert.match(fallback(of({ hash_policy: [{ filter_state: { key: 'k' } }] })), 'hash_policy filter_state')
  assert.match(fallback(of({ on_demand: {} })), 'on_demand')
})

test('an IPv4-mapped listener is IPv4 with ipv4_compat only; nobody comes to it otherwise', () => {
  const at = (address: Json, additional: readonly Json[] = []): Read =>
    read([
      cluster,
      listener({
        address: { socket_address: address },
        additional_addresses: additional.map((one) => ({ address: { socket_address: one } })),
      }),
    ])
  const keys = ({ analysis }: Read): number => analysis.program.listeners.flatMap((one) => one.keys).length
  const mapped = { address: '::ffff:127.96.0.1', port_value: 80 }
  assert.is(keys(at({ ...mapped, ipv4_compat: true })), 1)
  assert.equal([keys(at(mapped)), at(mapped).codes], [0, ['KM1209']])
  assert.equal(at({ address: '::1', port_value: 80, ipv4_compat: true }).codes, ['KM1210'])
  assert.equal(at({ address: '127.96.0.1', port_value: 80 }, [{ address: '::', port_value: 81, ipv4_compat: true }]).codes, ['KM1210'])
  assert.equal(at({ address: '::', port_value: 80 }, [{ address: '::', port_value: 81, ipv4_compat: true }]).codes, ['KM1208'])
})

test('an empty filter chain is refused, as Envoy closes', () => {
  assert.is(fallback(read([listener({ filter_chains: [{}] })])), 'refuse no_filter_chain')
})

test('strict turns warnings about what is not done into errors', () => {
  const resources = [{ ...cluster, outlier_detection: {} }]
  assert.equal(
    read(resources).list.map(({ severity }) => severity),
    ['warning'],
  )
  const strict = read(resources, { strict: true })
  assert.equal(
    strict.list.map(({ severity }) => severity),
    ['error'],
  )
  assert.equal(strict.classOf('.outlier_detection'), ['rejected'])
})

test('inbound listeners are diverted as a whole and name their policies', () => {
  const rbac = { name: 'envoy.filters.network.rbac', typed_config: { '@type': `${NETWORK}rbac.v3.RBAC`, stat_prefix: 's' } }
  const found = read([cluster, listener({ traffic_direction: 'INBOUND', filter_chains: [{ filters: [rbac, tcp()] }] })])
  assert.equal(found.codes, ['KM1702'])
  assert.match(found.list[0]?.message ?? '', 'envoy.filters.network.rbac')
  assert.equal(found.classOf('lds[]'), ['diverted'])
  assert.equal(found.analysis.program.listeners, [])
})

test('clusters that only inbound listeners lead to are not warned about', () => {
  const bound = { ...cluster, upstream_bind_config: { source_address: { address: '127.0.0.6', port_value: 0 } } }
  assert.equal(read([bound, listener({ traffic_direction: 'INBOUND' })]).codes, ['KM1702'])
  assert.equal(
    read([
      bound,
      listener({ traffic_direction: 'INBOUND' }),
      { ...listener({ name: 'm' }), address: { socket_address: { address: '127.96.0.2', port_value: 80 } } },
    ]).codes,
    ['KM1307', 'KM1702'],
  )
})

test('listeners are in the order of their names, whatever the order of the resources', () => {
  const resources = ['c', 'a', 'b'].map((name, index) => ({
    ...listener({ name }),
    address: { socket_address: { address: `127.96.0.${index + 1}`, port_value: 80 } },
  }))
  const names = ({ analysis }: Read): readonly string[] => analysis.program.listeners.map(({ name }) => name)
  assert.equal(names(read([cluster, ...resources])), ['a', 'b', 'c'])
  assert.equal(read([cluster, ...resources]).analysis.program, read([...resources].reverse().concat(cluster as never)).analysis.program)
})

const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname
const fixtures = readdirSync(FIXTURES).filter((name) => existsSync(join(FIXTURES, name, 'snapshot.yaml')))

test('every field of every fixture that is taken has a class', () => {
  assert.ok(fixtures.length > 40)
  for (const name of fixtures) {
    const diag = createDiagnostics()
    const analysis = analyse(
      [{ name: 'snapshot.yaml', bytes: readFileSync(join(FIXTURES, name, 'snapshot.yaml')) }],
      PLAIN,
      diag,
      () => undefined,
    )
    if (diag.failed) continue
    assert.equal(
      analysis.coverage.fields.filter((field) => field.class === 'unclassified').map(({ path }) => path),
      [],
      name,
    )
  }
})

test('a fixture named by a code shows this code', () => {
  for (const name of fixtures) {
    const code = /^(km\d{4})-/.exec(name)?.[1]?.toUpperCase()
    if (code === undefined) continue
    const diag = createDiagnostics()
    analyse([{ name: 'snapshot.yaml', bytes: readFileSync(join(FIXTURES, name, 'snapshot.yaml')) }], PLAIN, diag, () => undefined)
    assert.ok(
      diag.list.some((finding) => finding.code === code),
      name,
    )
  }
})

test.run()
