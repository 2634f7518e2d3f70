/** Binary responses: the same as their JSON, and bytes that are none. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { placed } from '../diag/place.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { encodeJson } from '../fetch/messages.ts'
import { equal } from './equal.ts'
import { readInput } from './read.ts'
import { recogniseResponse } from './wire-response.ts'

const url = (type: string): string => `type.googleapis.com/envoy.${type}`
const CLUSTER = {
  '@type': url('config.cluster.v3.Cluster'),
  name: 'a',
  type: 'STATIC',
  connect_timeout: '0.25s',
  load_assignment: {
    cluster_name: 'a',
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '10.0.0.1', port_value: 80 } } } }] }],
  },
}
const ROUTES = { '@type': url('config.route.v3.RouteConfiguration'), name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'] }] }

const sotw = encodeJson('envoy.service.discovery.v3.DiscoveryResponse', {
  version_info: '2024-05-01T12:00:00Z/17',
  resources: [CLUSTER, ROUTES],
  type_url: CLUSTER['@type'],
  nonce: 'n',
})
const delta = encodeJson('envoy.service.discovery.v3.DeltaDiscoveryResponse', {
  resources: [
    { name: 'a', version: '1', resource: CLUSTER },
    { name: 'r', version: '1', resource: ROUTES },
    { name: 'gone', version: '1' },
  ],
  removed_resources: ['old'],
  nonce: 'n',
})

function read(bytes: Uint8Array) {
  const diag = createDiagnostics()
  const input = readInput([{ name: 'a.pb', bytes }], diag)
  return { input, list: placed(diag.list, input.locate) }
}

test('a response in binary holds what it holds in JSON', () => {
  const json = read(Buffer.from(JSON.stringify([CLUSTER, ROUTES]))).input.resources
  for (const bytes of [sotw, delta]) {
    const { input, list } = read(bytes)
    assert.equal(list, [])
    assert.equal(
      input.resources.map(({ path }) => path),
      ['cds["a"]', 'rds["r"]'],
    )
    for (const [index, { content }] of input.resources.entries())
      assert.ok(equal(content, json[index]?.content), bytes === sotw ? 'sotw' : 'delta')
  }
})

test('the form is recognised by its content', () => {
  assert.is(recogniseResponse(sotw), 'DiscoveryResponse')
  assert.is(recogniseResponse(delta), 'DeltaDiscoveryResponse')
  const empty = { type_url: CLUSTER['@type'], nonce: 'n' }
  assert.is(recogniseResponse(encodeJson('envoy.service.discovery.v3.DiscoveryResponse', empty)), 'DiscoveryResponse')
  const bootstrap = encodeJson('envoy.config.bootstrap.v3.Bootstrap', {
    node: { id: 'n' },
    static_resources: { clusters: [{ name: 'a' }] },
  })
  for (const other of [bootstrap, Buffer.from('\nname: a\n'), Buffer.from('{}'), Buffer.from([0x12, 0x80]), Buffer.alloc(0)])
    assert.is(recogniseResponse(other), undefined)
  assert.equal(
    read(bootstrap).list.map(({ code }) => code),
    ['KM1006'],
  )
})

test('a place is the byte of the field', () => {
  for (const bytes of [sotw, delta]) {
    const { input } = read(bytes)
    const at = (path: string): number => (input.locate(path)?.column ?? 0) - 1
    const routes = at('rds["r"]')
    assert.is(bytes[routes], (2 << 3) | 2, 'resources')
    assert.ok(
      bytes.subarray(routes).includes(Buffer.from('RouteConfiguration')) && !bytes.subarray(routes).includes(Buffer.from('10.0.0.1')),
    )
    const address = at('cds["a"].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address')
    assert.is(bytes.toString('latin1', address + 2, address + 10), '10.0.0.1')
    assert.is(bytes.toString('latin1', at('rds["r"].virtual_hosts[0].domains[0]') + 2).charAt(0), '*')
    assert.is(at('rds["r"].virtual_hosts[0].no_such_field'), at('rds["r"].virtual_hosts[0]'))
  }
})

test('every beginning of a response is read or named, never taken for something else', () => {
  for (const bytes of [sotw, delta]) {
    for (let end = 0; end < bytes.length; end++) {
      const { list } = read(bytes.subarray(0, end))
      assert.ok(
        list.every(({ line, fix }) => line === 1 || fix !== undefined),
        String(end),
      )
      if (end > 110) assert.ok(list.length === 0 || list.some(({ code }) => /^KM10(?:11|22)$/.test(code)), `${end} ${JSON.stringify(list)}`)
    }
  }
})

test('hostile bytes end in a code', () => {
  const any = (value: Buffer, claimed = value.length): Buffer => {
    const type = Buffer.from(CLUSTER['@type'])
    const held = Buffer.concat([Buffer.from([10, type.length]), type, Buffer.from([18, ...varint(claimed)]), value])
    return Buffer.concat([Buffer.from([18, ...varint(held.length)]), held])
  }
  const codes = (bytes: Buffer): string =>
    read(bytes)
      .list.map(({ code }) => code)
      .join(' ')
  assert.is(codes(any(Buffer.from([10, 1, 97]), 2 ** 40)), 'KM1022')
  assert.is(codes(any(Buffer.from([10, 0xff, 0xff, 0xff, 0xff, 0x7f, 97]))), 'KM1022')
  // a text that is no UTF-8
  assert.is(codes(any(Buffer.from([10, 2, 0xc3, 0x28]))), 'KM1022')
  // load_assignment (33) in a group, and fields of other types than declared: not an endless descent, and named
  assert.match(codes(any(Buffer.from([10, 1, 97, 0x08, 5]))), 'KM1102')
  let nested = Buffer.alloc(0)
  // google.protobuf.Struct in metadata, nested in itself
  for (let depth = 0; depth < 5000; depth++) {
    const value = Buffer.concat([Buffer.from([42, ...varint(nested.length)]), nested])
    const entry = Buffer.concat([Buffer.from([10, 1, 107, 18, ...varint(value.length)]), value])
    nested = Buffer.concat([Buffer.from([10, ...varint(entry.length)]), entry])
  }
  const metadata = Buffer.concat([Buffer.from([10, ...varint(nested.length + 6), 10, 1, 102, 18, ...varint(nested.length)]), nested])
  assert.is(codes(any(Buffer.concat([Buffer.from([10, 1, 97, 0xca, 1, ...varint(metadata.length)]), metadata]))), 'KM1022')
})

test('unknown fields and types are kept and named', () => {
  const named = (resource: object): Buffer => encodeJson('envoy.service.discovery.v3.DiscoveryResponse', { resources: [resource] })
  const bytes = named({ '@type': url('config.cluster.v3.Cluster'), name: 'abc' })
  // field 4000, a varint, inside of the cluster: three bytes more in both lengths
  const strange = Buffer.concat([bytes, Buffer.from([0x80, 0xfa, 1, 7])])
  for (const at of [1, bytes.indexOf(Buffer.from([18, 5, 10, 3])) + 1]) strange[at] = (strange[at] ?? 0) + 4
  const { list } = read(strange)
  assert.equal(
    list.map(({ code, path }) => [code, path]),
    [['KM1102', 'cds["abc"]."#4000"']],
  )
  const other = Buffer.from(bytes.toString('latin1').replace('v3.Cluster', 'v3.Klustas'), 'latin1')
  assert.match(JSON.stringify(read(other).list), /KM1020/)
  const more = Buffer.concat([sotw, Buffer.from([0x80, 0x7d, 1])])
  assert.equal(
    read(more).list.map(({ code, column }) => [code, column]),
    [['KM1024', sotw.length + 1]],
  )
})

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) + 128)
  }
}

test.run()
