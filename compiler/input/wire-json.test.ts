/** The binary form against protobufjs' own encoder, and against bytes that no encoder writes. */
import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { envoySchema } from './schema.ts'
import { encodeJson } from '../fetch/messages.ts'
import { LazyList } from './lazy-list.ts'
import { wireToJson } from './wire-json.ts'

const schema = envoySchema()
const CLUSTER = 'envoy.config.cluster.v3.Cluster'
const url = (type: string): string => `type.googleapis.com/${type}`

function read(type: string, bytes: Uint8Array): Record<string, unknown> {
  const result = wireToJson(schema, url(type), bytes)
  if (result.kind === 'malformed') throw new Error(result.message)
  const { '@type': at, ...rest } = result.json
  assert.is(at, url(type))
  return rest
}

const there = (type: string, json: object): Record<string, unknown> => read(type, encodeJson(type, json))
/** A message by hand. */
const bytes = (write: (writer: protobuf.Writer) => void): Uint8Array => {
  const writer = protobuf.Writer.create()
  write(writer)
  return writer.finish()
}

test('scalars, wrappers, enums, durations, maps, Struct, Any: back as they were', () => {
  const cluster = {
    transport_socket_matches: [{ name: 'm', match: { a: 'b', z: { list: [1, null, 'x', true, { deep: [] }] } } }],
    name: 'a',
    type: 'EDS',
    eds_cluster_config: { eds_config: { ads: {}, initial_fetch_timeout: '0s' } },
    connect_timeout: '1.500s',
    per_connection_buffer_limit_bytes: 0,
    load_assignment: {
      cluster_name: 'a',
      endpoints: [{ lb_endpoints: [{ health_status: 'DRAINING', load_balancing_weight: 7 }], priority: 1 }],
      policy: { drop_overloads: [{ category: 'x', drop_percentage: { numerator: 5, denominator: 'TEN_THOUSAND' } }] },
    },
    typed_extension_protocol_options: {
      a: { '@type': url('google.protobuf.StringValue'), value: 'wrapped' },
      b: { '@type': url('envoy.extensions.filters.http.router.v3.Router'), start_child_span: true },
    },
    ring_hash_lb_config: { minimum_ring_size: '9007199254740993' },
    common_lb_config: { healthy_panic_threshold: { value: 12.5 }, update_merge_window: '0.000000001s' },
  }
  assert.is(JSON.stringify(there(CLUSTER, cluster)), JSON.stringify(cluster), 'in the order of declaration')
})

test('what the fixtures hold comes back, whatever their spelling', () => {
  const list = JSON.parse(readFileSync(new URL('../../fixtures/demo/canary-10.json', import.meta.url), 'utf8')) as { '@type': string }[]
  for (const { '@type': type, ...resource } of list) {
    const name = type.slice(type.indexOf('/') + 1)
    const first = there(name, resource)
    assert.equal(there(name, first), first)
    assert.ok(encodeJson(name, first).equals(encodeJson(name, resource)), 'the same bytes again')
  }
})

test('the order in which a server writes fields and map entries does not show', () => {
  const entry = (key: string): Uint8Array => bytes((w) => w.uint32(10).string(key).uint32(18).bytes(new Uint8Array()))
  const metadata = (keys: readonly string[]): Uint8Array =>
    bytes((w) => {
      for (const key of keys) w.uint32(10).bytes(entry(key))
    })
  const one = bytes((w) =>
    w
      .uint32(10)
      .string('n')
      .uint32(202)
      .bytes(metadata(['b', 'a', '__proto__'])),
  )
  const other = bytes((w) =>
    w
      .uint32(202)
      .bytes(metadata(['__proto__', 'a', 'b']))
      .uint32(10)
      .string('n'),
  )
  assert.is(JSON.stringify(read(CLUSTER, one)), JSON.stringify(read(CLUSTER, other)))
  assert.is(JSON.stringify(read(CLUSTER, one)), '{"name":"n","metadata":{"filter_metadata":{"__proto__":{},"a":{},"b":{}}}}')
})

test('merging, the last of a oneof, packed and unpacked lists', () => {
  const percent = (value: number): Uint8Array => bytes((w) => w.uint32(9).double(value))
  const split = bytes((w) =>
    w
      .uint32(218)
      .bytes(bytes((v) => v.uint32(10).bytes(percent(5))))
      .uint32(218)
      .bytes(bytes((v) => v.uint32(34).bytes(bytes((u) => u.uint32(8).int64(3))))),
  )
  assert.equal(read(CLUSTER, split), { common_lb_config: { healthy_panic_threshold: { value: 5 }, update_merge_window: '3s' } })
  const types = bytes((w) =>
    w
      .uint32(16)
      .int32(3)
      .uint32(306)
      .bytes(bytes((v) => v.uint32(10).string('custom'))),
  )
  assert.equal(Object.keys(read(CLUSTER, types)), ['cluster_type'], 'type and cluster_type exclude each other')
  const route = 'envoy.config.route.v3.RetryPolicy'
  const packed = bytes((w) => w.uint32(58).bytes(bytes((v) => v.uint32(500).uint32(503))))
  const unpacked = bytes((w) => w.uint32(56).uint32(500).uint32(56).uint32(503))
  assert.equal(read(route, packed), { retriable_status_codes: [500, 503] })
  assert.equal(read(route, unpacked), read(route, packed))
})

test('floats are the shortest that mean the same; numbers that JSON lacks are texts', () => {
  const type = 'google.protobuf.FloatValue'
  const float = (value: number): unknown =>
    read(
      type,
      bytes((w) => w.uint32(13).float(value)),
    ).value
  assert.equal([0.1, 1e10, 16777217, -0.5, Number.NaN, Number.POSITIVE_INFINITY].map(float), [0.1, 1e10, 16777216, -0.5, 'NaN', 'Infinity'])
  assert.equal(
    read(
      'google.protobuf.Int64Value',
      bytes((w) => w.uint32(8).int64(-5)),
    ).value,
    '-5',
  )
})

test('time stamps and durations', () => {
  const parts = (seconds: number, nanos: number): Uint8Array => bytes((w) => w.uint32(8).int64(seconds).uint32(16).int32(nanos))
  assert.is(read('google.protobuf.Timestamp', parts(1_700_000_000, 5_000_000)).value, '2023-11-14T22:13:20.005Z')
  assert.is(read('google.protobuf.Duration', parts(-1, -250_000_000)).value, '-1.250s')
  assert.is(read('google.protobuf.Duration', parts(0, 1000)).value, '0.000001s')
})

test('an unknown Any keeps its bytes, an unknown field and an unknown enum number are not lost silently', () => {
  const opaque = { '@type': 'type.googleapis.com/example.Unknown', value: Buffer.from([1, 2, 255]).toString('base64') }
  const any = bytes((w) =>
    w
      .uint32(10)
      .string(opaque['@type'])
      .uint32(18)
      .bytes(Uint8Array.of(1, 2, 255)),
  )
  const extension = 'envoy.config.core.v3.TypedExtensionConfig'
  assert.equal(
    read(
      extension,
      bytes((w) => w.uint32(18).bytes(any)),
    ),
    { typed_config: opaque },
  )
  const result = wireToJson(
    schema,
    url(CLUSTER),
    bytes((w) =>
      w
        .uint32(10)
        .string('n')
        .uint32(16)
        .int32(77)
        .uint32(80_002)
        .string('from the future')
        .uint32(218)
        .bytes(bytes((v) => v.uint32(7997).fixed32(1))),
    ),
  )
  assert.equal(result, {
    kind: 'read',
    json: { '@type': url(CLUSTER), name: 'n', type: 77, common_lb_config: {} },
    unknown: [
      { type: CLUSTER, number: 10_000, path: '' },
      { type: `${CLUSTER}.CommonLbConfig`, number: 999, path: 'common_lb_config' },
    ],
  })
})

test('bytes that are no message are malformed, and never more than that', () => {
  const malformed = (type: string, given: Uint8Array): string => {
    const result = wireToJson(schema, url(type), given)
    return result.kind === 'malformed' ? result.message : 'read'
  }
  assert.match(malformed(CLUSTER, Uint8Array.of(10, 200)), 'envoy.config.cluster.v3.Cluster is not valid protobuf')
  assert.match(malformed(CLUSTER, Uint8Array.of(10, 2, 0xff, 0xfe)), 'not UTF-8')
  assert.match(malformed(CLUSTER, Uint8Array.of(218, 1, 1, 10)), 'at common_lb_config')
  let nested: Uint8Array = new Uint8Array()
  const inner = nested
  for (let depth = 0; depth < 300; depth++) nested = bytes((w) => w.uint32(50).bytes(bytes((v) => v.uint32(10).bytes(nested))))
  assert.is(inner.length, 0)
  assert.match(malformed('google.protobuf.Value', nested), 'nested in more than 100 levels')
})

test('damaged messages never throw', () => {
  const list = JSON.parse(readFileSync(new URL('../../fixtures/demo/canary-10.json', import.meta.url), 'utf8')) as { '@type': string }[]
  let seed = 7
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
    return seed % below
  }
  let read = 0
  let malformed = 0
  for (let round = 0; round < 3000; round++) {
    const { '@type': type, ...resource } = list[random(list.length)] as { '@type': string }
    const damaged = Buffer.from(encodeJson(type.slice(type.indexOf('/') + 1), resource))
    for (let change = 0; change <= random(4); change++) damaged[random(damaged.length)] = random(256)
    if (wireToJson(schema, type, damaged.subarray(0, damaged.length - random(3))).kind === 'read') read++
    else malformed++
  }
  assert.ok(read > 100 && malformed > 100, `${read} read, ${malformed} malformed`)
})

const ROUTES = 'envoy.config.route.v3.RouteConfiguration'
const host = (name: string, routes: number) => ({
  name,
  domains: [name],
  routes: Array.from({ length: routes }, (_, index) => ({ name: `${index}`, match: { prefix: `/${index}` }, route: { cluster: 'c' } })),
})

/** Arrays for LazyLists. */
function listed(value: unknown): unknown {
  if (value instanceof LazyList) return Array.from({ length: value.length }, (_, index) => listed(value.at(index)))
  if (Array.isArray(value)) return value.map(listed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, listed(held)]))
}

test('long lists are the same lists, item by item', () => {
  const configuration = { name: 'r', virtual_hosts: [host('a', 1), host('b', 300), host('c', 0)], request_headers_to_remove: ['x', 'y'] }
  const assignment = {
    cluster_name: 'c',
    endpoints: [
      { locality: { region: 'r' }, lb_endpoints: [{ load_balancing_weight: 1 }, {}, { health_status: 'DRAINING' }] },
      { priority: 1 },
    ],
  }
  for (const [type, json] of [
    [ROUTES, configuration],
    ['envoy.config.endpoint.v3.ClusterLoadAssignment', assignment],
  ] as const) {
    const whole = encodeJson(type, json)
    const plain = wireToJson(schema, url(type), whole)
    for (const long of [0, 1000]) {
      const lazy = wireToJson(schema, url(type), whole, 'kept', long)
      if (plain.kind === 'malformed' || lazy.kind === 'malformed') throw new Error('malformed')
      assert.equal(listed(lazy.json), plain.json)
      const isLazy = Object.values(lazy.json).some((value) => value instanceof LazyList)
      assert.is(isLazy, long === 0 || whole.length >= long)
    }
  }
})

test('what is not valid in a long list is found before an item is asked for, at the same place', () => {
  const whole = encodeJson(ROUTES, { name: 'r', virtual_hosts: [host('a', 1), host('b', 50), host('marked', 2)] })
  const at = whole.lastIndexOf('marked')
  for (const [position, byte] of [
    [at, 0xff],
    [at - 1, 0x7f],
    [at + 8, 0x07],
  ] as const) {
    const broken = Buffer.from(whole)
    broken[position] = byte
    const plain = wireToJson(schema, url(ROUTES), broken)
    assert.is(plain.kind, 'malformed')
    assert.equal(wireToJson(schema, url(ROUTES), broken, 'kept', 0), plain)
  }
})

test.run()
