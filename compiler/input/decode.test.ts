import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { createDecoder, DEPTH_LIMIT, type Origin } from './decode.ts'
import { Message, RawAny } from './message.ts'
import { envoySchema, type MessageType } from './schema.ts'

const CLUSTER = 'envoy.config.cluster.v3.Cluster'
const schema = envoySchema()

function decode(value: unknown, type = CLUSTER, origin: Origin = 'xds') {
  const diag = createDiagnostics()
  const decoder = createDecoder(schema, diag)
  const message = decoder.resource(schema.message(type) as MessageType, value, 'cds["c"]', origin, 'compiled')
  decoder.finish()
  return { message, found: diag.list.map(({ code, severity, path }) => `${severity} ${code} ${path.replace('cds["c"]', '')}`), diag }
}

/** a cluster with some fields */
const cluster = (fields: object) => ({ name: 'c', ...fields })
const found = (fields: object, origin: Origin = 'xds') => decode(cluster(fields), CLUSTER, origin).found

/** a decoded message as plain data */
function plain(value: unknown): unknown {
  if (value instanceof Message) return Object.fromEntries(value.shape.fields.map(({ name }, slot) => [name, plain(value.at(slot))]))
  if (value instanceof RawAny) return { any: value.typeName, value: value.value }
  return Array.isArray(value) ? value.map(plain) : value
}

test('both namings give the same message', () => {
  const one = decode(
    cluster({
      connect_timeout: '0.25s',
      eds_cluster_config: { service_name: 's' },
      per_connection_buffer_limit_bytes: 5,
      type: 3,
      lb_policy: 'ring_hash',
    }),
  )
  const other = decode(
    cluster({
      connectTimeout: '0.25s',
      edsClusterConfig: { serviceName: 's' },
      perConnectionBufferLimitBytes: '5',
      type: 'EDS',
      lbPolicy: 2,
    }),
  )
  assert.equal(plain(one.message), {
    name: 'c',
    connect_timeout: { seconds: 0, nanos: 250_000_000 },
    eds_cluster_config: { service_name: 's' },
    per_connection_buffer_limit_bytes: 5,
    type: 'EDS',
    lb_policy: 'RING_HASH',
  })
  assert.equal(plain(other.message), plain(one.message))
  assert.equal([...one.found, ...other.found], [])
})

test('null is not set; maps keep their keys; Struct stays JSON', () => {
  const { message, found } = decode(
    cluster({ type: null, metadata: { filter_metadata: { 'a.b': { x: [1, null, { __proto__: 1 }] }, constructor: {} } } }),
  )
  assert.equal(found, [])
  assert.equal(plain(message), {
    name: 'c',
    metadata: {
      filter_metadata: [
        ['a.b', { x: [1, null, {}] }],
        ['constructor', {}],
      ],
    },
  })
})

test('null in a list or a map is an element with nothing set', () => {
  const { message, found } = decode(
    cluster({
      load_assignment: { cluster_name: 'c', endpoints: [null] },
      lb_subset_config: { subset_selectors: [{ keys: ['a', null] }] },
      metadata: { filter_metadata: { a: null }, typed_filter_metadata: { b: null } },
      health_checks: [null],
    }),
  )
  assert.is(found.length > 0 && found.every((one) => one.includes('.health_checks[0]')), true)
  const { load_assignment: assignment, lb_subset_config: subsets, metadata } = plain(message) as Record<string, Record<string, unknown>>
  assert.equal(assignment?.endpoints, [{}])
  assert.equal(subsets?.subset_selectors, [{ keys: ['a', ''] }])
  assert.equal(metadata?.filter_metadata, [['a', {}]])
})

test('a type URL has a host and a name', () => {
  for (const url of ['/', 'x', '/x.Y', 'type.googleapis.com/'])
    assert.equal(decode(cluster({ transport_socket: { name: 'x', typed_config: { '@type': url } } })).found, [
      'error KM1114 .transport_socket.typed_config',
    ])
})

test('the order of keys does not matter', () => {
  const one = decode(cluster({ typed_extension_protocol_options: { b: {}, a: {} } })).message
  assert.equal(plain(one), {
    name: 'c',
    typed_extension_protocol_options: [
      ['a', { any: '', value: {} }],
      ['b', { any: '', value: {} }],
    ],
  })
})

test('Any: known, unknown, well-known, inside TypedStruct', () => {
  const any = (typed_config: unknown) => decode(cluster({ transport_socket: { name: 'x', typed_config } }))
  const raw = any({ '@type': 'type.googleapis.com/foo.Bar', x: 1 })
  assert.equal(plain(raw.message), {
    name: 'c',
    transport_socket: { name: 'x', typed_config: { any: 'foo.Bar', value: { '@type': 'type.googleapis.com/foo.Bar', x: 1 } } },
  })
  const struct = any({
    '@type': 'type.googleapis.com/xds.type.v3.TypedStruct',
    type_url: 'x/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    value: { stat_prefix: 's', cluster: 7 },
  })
  assert.equal(struct.found, ['error KM1101 .transport_socket.typed_config.value.cluster'])
  assert.equal(any({ '@type': 'type.googleapis.com/google.protobuf.StringValue', value: 'v' }).found, [])
  assert.equal(any({ x: 1 }).found, ['error KM1114 .transport_socket.typed_config'])
  assert.equal(any({ '@type': 'foo.Bar' }).found, ['error KM1114 .transport_socket.typed_config'])
  assert.equal(any({ '@type': 5 }).found, ['error KM1114 .transport_socket.typed_config'])
  assert.equal(any('x').found, ['error KM1101 .transport_socket.typed_config'])
  assert.equal(any({}).found, [])
})

test('unknown fields and enum values: warnings over xDS, errors in static resources', () => {
  assert.equal(found({ foo: 1, __proto__x: 2 }), ['warning KM1102 .foo', 'warning KM1102 .__proto__x'])
  assert.equal(found({ 'od d': 1 }), ['warning KM1102 ."od d"'])
  assert.equal(found({ foo: 1 }, 'static'), ['error KM1103 .foo'])
  assert.equal(found({ type: 'FOO' }), ['warning KM1104 .type'])
  assert.equal(found({ type: 'FOO' }, 'static'), ['error KM1104 .type'])
  assert.equal(found({ type: 99 }), ['error KM1110 .type'], 'a number that the enum does not define is refused by the rules')
  assert.equal(found({ circuit_breakers: { '@type': 'x' } }), ['warning KM1102 .circuit_breakers."@type"'])
  assert.equal(decode(JSON.parse('{"name": "c", "__proto__": {"x": 1}, "constructor": 1, "toString": 2}')).found, [
    'warning KM1102 .__proto__',
    'warning KM1102 .constructor',
    'warning KM1102 .toString',
  ])
})

test('oneofs', () => {
  assert.equal(found({ type: 'STATIC', cluster_type: { name: 'x' } }), ['error KM1105 .cluster_type'])
  assert.equal(found({ type: 'STATIC', cluster_type: null }), [])
  assert.equal(
    decode(
      { cluster_name: 'c', endpoints: [{ lb_endpoints: [{ endpoint: { address: {} } }] }] },
      'envoy.config.endpoint.v3.ClusterLoadAssignment',
    ).found,
    ['error KM1111 .endpoints[0].lb_endpoints[0].endpoint.address'],
  )
  assert.equal(
    decode(
      { cluster_name: 'c', endpoints: [{ lb_endpoints: [{ endpoint: { address: { new_kind: {} } } }] }] },
      'envoy.config.endpoint.v3.ClusterLoadAssignment',
    ).found,
    [
      'warning KM1102 .endpoints[0].lb_endpoints[0].endpoint.address.new_kind',
      'warning KM1111 .endpoints[0].lb_endpoints[0].endpoint.address',
    ],
  )
})

test('both names of one field: the last one counts, but not in a oneof', () => {
  const twice = decode(cluster({ connect_timeout: '1s', connectTimeout: '2s' }))
  assert.equal(twice.found, ['warning KM1113 .connect_timeout'])
  assert.equal(plain(twice.message), { name: 'c', connect_timeout: { seconds: 2, nanos: 0 } })
  assert.equal(found({ cluster_type: { name: 'x' }, clusterType: { name: 'y' } }), ['error KM1105 .cluster_type'])
})

test('the rules of the API', () => {
  assert.equal(decode({}).found, ['error KM1111 .name'])
  assert.equal(found({ connect_timeout: '0s' }), ['error KM1110 .connect_timeout'])
  assert.equal(found({ common_lb_config: { healthy_panic_threshold: { value: 101 } } }), [
    'error KM1110 .common_lb_config.healthy_panic_threshold.value',
  ])
  assert.equal(found({ load_assignment: { cluster_name: 'c', endpoints: [{ load_balancing_weight: 0 }] } }), [
    'error KM1110 .load_assignment.endpoints[0].load_balancing_weight',
  ])
  assert.equal(
    found({ health_checks: [{ timeout: '1s' }] }),
    ['interval', 'unhealthy_threshold', 'healthy_threshold']
      .map((name) => `error KM1111 .health_checks[0].${name}`)
      .concat('error KM1111 .health_checks[0]'),
  )
})

test('wrong types, each with its path', () => {
  assert.equal(
    found({
      connect_timeout: 5,
      lb_policy: {},
      circuit_breakers: 'x',
      metadata: [],
      load_assignment: { cluster_name: 'c', endpoints: [5, {}] },
    }),
    [
      'error KM1107 .connect_timeout',
      'error KM1101 .lb_policy',
      'error KM1101 .circuit_breakers',
      'error KM1101 .metadata',
      'error KM1101 .load_assignment.endpoints[0]',
    ],
  )
  for (const value of [5, 'x', null, [], true]) assert.equal(decode(value).found, ['error KM1101 '])
})

test('a list of one may go without brackets, a wrapper may be a message', () => {
  const { message, found } = decode(
    cluster({ load_assignment: { cluster_name: 'c', endpoints: { priority: 1 } }, per_connection_buffer_limit_bytes: { value: 5 } }),
  )
  assert.equal(found, [])
  assert.equal(plain(message), {
    name: 'c',
    load_assignment: { cluster_name: 'c', endpoints: [{ priority: 1 }] },
    per_connection_buffer_limit_bytes: 5,
  })
})

test('nesting has a limit, and only the branch is lost', () => {
  let rule: object = { any: true }
  for (let level = 0; level < DEPTH_LIMIT + 50; level++) rule = { not_rule: rule }
  const { found, message } = decode({ name: 'c', permissions: [rule] }, 'envoy.config.rbac.v3.Policy')
  assert.is(found.filter((one) => one.includes('KM1017')).length, 1)
  assert.ok(message)
})

test('a hostile number of findings is cut, and told', () => {
  const { diag } = decode({ name: 'c', health_checks: Array.from({ length: 100_050 }, () => 5) })
  assert.is(diag.list.length, 100_001)
  assert.match(diag.list.at(-1)?.message ?? '', /^50 more/)
})

test.run()
