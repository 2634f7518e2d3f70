import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { SchemaField, SchemaFile } from '../compiler/input/schema-file.ts'

const started = performance.now()
const schema = JSON.parse(readFileSync(new URL('../compiler/input/schema.gen.json', import.meta.url), 'utf8')) as SchemaFile
const loaded = performance.now() - started
const message = (name: string) => schema.messages[name] as NonNullable<(typeof schema.messages)[string]>
const field = (type: string, name: string): SchemaField => message(type).fields.find((one) => one.name === name) as SchemaField

test('it is the version that the requirements pin, and loads fast', () => {
  assert.match(readFileSync(new URL('requirements.txt', import.meta.url), 'utf8'), `xds-protos==${schema.version}\n`)
  assert.ok(loaded < 200, `${loaded} ms`)
  assert.ok(Object.keys(schema.messages).length > 1500)
})

test('fields: type, number, both names, maps, oneofs, presence', () => {
  const cluster = 'envoy.config.cluster.v3.Cluster'
  assert.equal(field(cluster, 'connect_timeout'), {
    name: 'connect_timeout',
    json: 'connectTimeout',
    number: 4,
    type: 'message',
    of: 'google.protobuf.Duration',
    rules: { duration: { gt: { seconds: 0, nanos: 0 } } },
  })
  assert.equal(field(cluster, 'name'), { name: 'name', number: 1, type: 'string', rules: { string: { min_len: 1 } } })
  const { map, type, of, repeated } = field(cluster, 'typed_extension_protocol_options')
  assert.equal([map, type, of, repeated], ['string', 'message', 'google.protobuf.Any', undefined])
  assert.is(field(cluster, 'type').oneof, 'cluster_discovery_type')
  assert.equal(message('envoy.config.core.v3.Address').oneofs, { address: { required: true } })
  assert.is(field('envoy.config.endpoint.v3.ClusterLoadAssignment', 'endpoints').repeated, true)
  assert.is(field(cluster, 'max_requests_per_connection').deprecated, true)
})

test('enums: numbers, what is deprecated and what Envoy refuses', () => {
  assert.is(schema.enums['envoy.config.cluster.v3.Cluster.LbPolicy']?.values.MAGLEV, 5)
  assert.ok(Object.values(schema.enums).some(({ deprecated }) => deprecated !== undefined))
})

test('everything that a field refers to is there', () => {
  const dangling = Object.values(schema.messages)
    .flatMap(({ fields }) => fields)
    .filter(
      ({ type, of }) =>
        (type === 'message' && schema.messages[of ?? ''] === undefined) || (type === 'enum' && schema.enums[of ?? ''] === undefined),
    )
  assert.equal(dangling, [])
  for (const { fields, oneofs } of Object.values(schema.messages)) {
    for (const { oneof } of fields) if (oneof !== undefined) assert.ok(oneofs !== undefined && Object.hasOwn(oneofs, oneof))
  }
})

test('the descriptors are a FileDescriptorSet, each file after its imports', () => {
  const reader = protobuf.Reader.create(readFileSync(new URL('../compiler/input/descriptors.gen.bin', import.meta.url)))
  const seen = new Set<string>()
  while (reader.pos < reader.len) {
    assert.is(reader.uint32(), 10)
    const file = protobuf.Reader.create(reader.bytes())
    let name = ''
    while (file.pos < file.len) {
      const tag = file.uint32()
      if (tag === 10) name = file.string()
      else if (tag === 26) assert.ok(seen.has(file.string()), name)
      else file.skipType(tag & 7)
    }
    seen.add(name)
  }
  for (const name of ['envoy/config/listener/v3/listener.proto', 'google/protobuf/any.proto', 'validate/validate.proto'])
    assert.ok(seen.has(name), name)
  assert.not.ok(seen.has('envoy/config/trace/v3/opencensus.proto'))
})

test.run()
