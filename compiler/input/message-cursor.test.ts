import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import type { Cursor } from './cursor.ts'
import { readInput } from './read.ts'

function read(resource: object): Cursor {
  const input = readInput([{ name: 'x.json', bytes: Buffer.from(JSON.stringify([resource])) }], createDiagnostics())
  return input.resources[0]?.cursor as Cursor
}

const cluster = (fields: object) => read({ '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'c', ...fields })
const listener = (typed_config: object) =>
  read({
    '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
    name: 'l',
    filter_chains: [{ filters: [{ name: 'f', typed_config }] }],
  })
    .messages('filter_chains')[0]
    ?.messages('filters')[0] as Cursor

test('reads every kind of field', () => {
  const at = cluster({
    type: 'EDS',
    connectTimeout: '1.5s',
    per_connection_buffer_limit_bytes: 7,
    respect_dns_ttl: true,
    load_assignment: { cluster_name: 'c', endpoints: [{ priority: 1 }, { priority: 2 }] },
    metadata: { filter_metadata: { a: { x: 1 } } },
    lb_subset_config: { subset_selectors: [{ keys: ['p', 'q'] }] },
  })
  assert.is(at.type, 'envoy.config.cluster.v3.Cluster')
  assert.equal(at.fields(), [
    'name',
    'type',
    'connect_timeout',
    'per_connection_buffer_limit_bytes',
    'load_assignment',
    'respect_dns_ttl',
    'lb_subset_config',
    'metadata',
  ])
  assert.is(at.string('name'), 'c')
  assert.is(at.enum('type'), 'EDS')
  assert.is(at.oneof('cluster_discovery_type'), 'type')
  assert.is(at.duration('connect_timeout'), 1500)
  assert.is(at.number('per_connection_buffer_limit_bytes'), 7)
  assert.is(at.boolean('respect_dns_ttl'), true)
  assert.is(at.boolean('close_connections_on_host_health_failure'), undefined)
  const endpoints = at.message('load_assignment')?.messages('endpoints') ?? []
  assert.equal(
    endpoints.map((one) => one.number('priority')),
    [1, 2],
  )
  assert.is(endpoints[1]?.path, 'cds["c"].load_assignment.endpoints[1]')
  assert.is(endpoints[1]?.at('lb_endpoints', 3), 'cds["c"].load_assignment.endpoints[1].lb_endpoints[3]')
  assert.equal(at.message('metadata')?.entries('filter_metadata'), [['a', { x: 1 }]])
  assert.equal(at.message('lb_subset_config')?.messages('subset_selectors')[0]?.strings('keys'), ['p', 'q'])
  assert.equal(at.messages('health_checks'), [])
})

test('goes through Any and TypedStruct', () => {
  const known = listener({
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    stat_prefix: 's',
    cluster: 'c',
  }).any('typed_config')
  assert.is(known?.known, true)
  assert.is(known?.type, 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy')
  assert.is(known?.at('cluster'), 'lds["l"].filter_chains[0].filters[0].typed_config.cluster')
  const struct = listener({
    '@type': 'type.googleapis.com/udpa.type.v1.TypedStruct',
    type_url: 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    value: { stat_prefix: 's', cluster: 'd' },
  }).any('typed_config')
  assert.is(struct?.string('cluster'), 'd')
  assert.is(struct?.path, 'lds["l"].filter_chains[0].filters[0].typed_config.value')
  const foreign = listener({
    '@type': 'type.googleapis.com/udpa.type.v1.TypedStruct',
    type_url: 'type.googleapis.com/foo.Bar',
    value: { x: 1 },
  }).any('typed_config')
  assert.equal([foreign?.known, foreign?.type, foreign?.raw('')], [false, 'foo.Bar', { x: 1 }])
  const unknown = listener({ '@type': 'type.googleapis.com/foo.Bar', x: 1 }).any('typed_config')
  assert.equal([unknown?.known, unknown?.type, unknown?.string('x'), unknown?.fields()], [false, 'foo.Bar', undefined, []])
})

test('maps of Any', () => {
  const at = cluster({
    typed_extension_protocol_options: {
      p: {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http_protocol_options: {} },
      },
    },
  })
  const [[key, options] = []] = at.map('typed_extension_protocol_options')
  assert.is(key, 'p')
  assert.is(options?.path, 'cds["c"].typed_extension_protocol_options["p"]')
  assert.is(options?.oneof('upstream_protocol_options'), 'explicit_http_config')
})

test('a mistake of the caller throws', () => {
  const at = cluster({ type: 'EDS' })
  assert.throws(() => at.string('no_such_field'), /has no field/)
  assert.throws(() => at.has('connectTimeout_'), /has no field/)
  assert.throws(() => at.number('name'), /no number/)
  assert.throws(() => at.message('name'), /no message/)
  assert.throws(() => at.oneof('nothing'), /no oneof/)
})

test.run()
