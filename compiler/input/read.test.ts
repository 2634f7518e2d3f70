import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { placed } from '../diag/place.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { readInput } from './read.ts'

const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'

function read(...texts: readonly (string | object | Uint8Array)[]) {
  const diag = createDiagnostics()
  const sources = texts.map((text, index) => ({
    name: `f${index}`,
    bytes: text instanceof Uint8Array ? text : Buffer.from(typeof text === 'string' ? text : JSON.stringify(text)),
  }))
  const input = readInput(sources, diag)
  return {
    paths: input.resources.map(({ path }) => path),
    input,
    found: placed(diag.list, input.locate).map(({ code, file, line, column }) => `${code} ${file}:${line}:${column}`),
  }
}

const cluster = (name: string, fields: object = {}) => ({ '@type': CLUSTER, name, ...fields })

test('JSON and YAML, snake_case and camelCase, several documents and files give the same', () => {
  const want = ['cds["a"]', 'cds["b"]']
  assert.equal(read([cluster('b'), cluster('a')]).paths, want)
  assert.equal(read(cluster('a'), cluster('b')).paths, want)
  assert.equal(read(`${JSON.stringify(cluster('a'))}\n${JSON.stringify(cluster('b'))}\n`).paths, want)
  assert.equal(read(`- "@type": ${CLUSTER}\n  name: a\n- {"@type": ${CLUSTER}, name: b}\n`).paths, want)
  assert.equal(read(`"@type": ${CLUSTER}\nname: b\n---\n"@type": ${CLUSTER}\nname: a\n---\n`).paths, want)
  assert.equal(
    read(
      `{"@type": ${CLUSTER}, name: a}`,
      '\ufeff\r\n[\r\n{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",\r\n"name": "b"}]',
    ).paths,
    want,
  )
  for (const result of [read([cluster('b'), cluster('a')]), read(`{"@type": ${CLUSTER}, name: a}`)]) assert.equal(result.found, [])
})

test('the same resource twice: a warning when equal, an error when not', () => {
  assert.equal(read([cluster('a', { type: 'EDS', connect_timeout: '1s' }), cluster('a', { connectTimeout: '1.0s', type: 3 })]).found, [
    'KM1013 f0:1:113',
  ])
  assert.equal(read(cluster('a', { type: 'EDS' }), cluster('a', { type: 'STATIC' })).found, ['KM1012 f1:1:1'])
  assert.equal(read(cluster('a'), cluster('a')).paths, ['cds["a"]'])
})

test('lists in lists, and responses in lists and in responses', () => {
  const want = ['cds["a"]', 'cds["b"]']
  const response = { version_info: '1', resources: [cluster('b')] }
  assert.equal(read([[cluster('a')], [[cluster('b')]]]).paths, want)
  assert.equal(read([cluster('a'), response]).paths, want)
  assert.equal(read({ resources: [[cluster('a')], response] }).paths, want)
  assert.equal(read({ clusters: [[{ name: 'a' }], { name: 'b' }] }).paths, want)
  assert.equal(read({ static_resources: { clusters: [[{ name: 'a' }]] } }).found, ['KM1101 f0:1:34'])
})

test('of two static secrets of one name both count where they are of two kinds', () => {
  const secrets = (...list: readonly object[]) => read({ static_resources: { secrets: list } }).found.map((text) => text.slice(0, 6))
  const session = { name: 's', session_ticket_keys: { keys: [{ filename: 'a' }] } }
  assert.equal(secrets(session, session), ['KM1013'])
  assert.equal(secrets(session, { name: 's', generic_secret: { secret: { filename: 'a' } } }), ['KM1012'])
})

test('names: from the envelope, from the address, or an error', () => {
  assert.equal(read({ listeners: [{ address: { socket_address: { address: '1.2.3.4', port_value: 80 } } }] }).paths, ['lds["1.2.3.4:80"]'])
  assert.equal(read([{ '@type': CLUSTER }]).found, ['KM1019 f0:1:2'])
  assert.equal(read({ resources: [{ '@type': 'type.googleapis.com/envoy.api.v2.Cluster', name: 'a' }] }).found, ['KM1021 f0:1:15'])
  assert.equal(read({ resources: [{ some: 'thing' }] }).found, ['KM1010 f0:1:15'])
  assert.equal(read({ '@type': 'type.googleapis.com/foo.Table', x: 1 }).found, ['KM1020 f0:1:1'])
})

test('a dump repeats its static resources: they count once, without a word', () => {
  const dump = {
    configs: [
      {
        '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump',
        bootstrap: { static_resources: { clusters: [{ name: 's', connect_timeout: '1s' }] } },
      },
      { '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump', static_clusters: [{ cluster: cluster('s') }] },
      {
        '@type': 'type.googleapis.com/envoy.admin.v3.EndpointsConfigDump',
        dynamicEndpointConfigs: [{ endpointConfig: { clusterName: 'e', endpoints: [{ loadBalancingWeight: 0 }] } }],
      },
    ],
  }
  const { paths, found } = read(dump)
  assert.equal([paths, found], [['bootstrap', 'cds["s"]', 'eds["e"]'], []])
})

test('what is wrong with a secret stops nobody', () => {
  const { input, found } = read({ secrets: [{ name: 's', validation_context: { trusted_ca: 5 } }], clusters: [{ name: 'a' }] })
  assert.equal(found, ['KM1101 f0:1:47'])
  assert.is(input.resources.length, 2)
})

test('texts that are none: coded, placed, and no resource', () => {
  const CASES: readonly (readonly [string | Uint8Array, string])[] = [
    ['', 'KM1002 f0:1:1'],
    ['  \n', 'KM1002 f0:1:1'],
    ['# only a comment\n', 'KM1002 f0:1:1'],
    ['null', 'KM1002 f0:1:1'],
    [`{"resources": [\n  {"@type": "${CLUSTER}", "name": "a"`, 'KM1003 f0:2:79'],
    ['{"a": 1} x', 'KM1003 f0:1:10'],
    ['a: [1\nb: 2\n', 'KM1004 f0:2:1'],
    [Buffer.from([0x7b, 0xff, 0x7d]), 'KM1005 f0:1:2'],
    [Buffer.from([0x1f, 0x8b, 0, 0]), 'KM1006 f0:1:1'],
    ['['.repeat(200_000), 'KM1017 f0:1:501'],
    ['5', 'KM1010 f0:1:1'],
    ['[]', 'KM1011 undefined:undefined:undefined'],
    ['{"static_resources": {}}', 'KM1011 undefined:undefined:undefined'],
  ]
  for (const [text, want] of CASES) assert.equal(read(text).found.slice(0, 1), [want], String(text).slice(0, 30))
})

test('a repeated key is told where it stands; the last one counts', () => {
  const { input, found } = read(`{"@type": "${CLUSTER}",\n "name": "a",\n "name": "b"}`)
  assert.equal(found, ['KM1014 f0:3:2'])
  assert.equal(
    input.resources.map(({ name }) => name),
    ['b'],
  )
})

test('the order of files, lists and keys does not matter', () => {
  const one = read({ clusters: [{ name: 'a', type: 'EDS' }, { name: 'b' }], listeners: [{ name: 'l', address: {} }] })
  const other = read({ listeners: [{ address: {}, name: 'l' }] }, { clusters: [{ name: 'b' }, { type: 'EDS', name: 'a' }] })
  assert.equal(one.paths, other.paths)
})

test('a YAML text over the limit is named, not read', () => {
  assert.equal(read(Buffer.alloc(10_500_000, 'a')).found, ['KM1023 f0:1:1'])
})

test.run()
