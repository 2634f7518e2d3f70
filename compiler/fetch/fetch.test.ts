/** A whole fetch against a server that behaves as told, over loopback: both modes, refusals, breaks, what never comes, and wrong bytes. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Behaviour,
  type FakeRequest,
  type FakeServer,
  holding,
  respondPacked,
  respondWith,
  startFakeServer,
} from '../../scripts/controlplane/fake-server.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { envoySchema } from '../input/schema.ts'
import { delta } from './delta.ts'
import type { Dialect } from './dialect.ts'
import { type Fetched, fetchResources, ordered } from './fetch.ts'
import { createJudge } from './judge.ts'
import { reportFetch } from './report.ts'
import { snapshotText } from './snapshot-text.ts'
import { stateOfTheWorld } from './sotw.ts'
import { encodeJson } from './messages.ts'

const CLUSTER = 'envoy.config.cluster.v3.Cluster'
const ASSIGNMENT = 'envoy.config.endpoint.v3.ClusterLoadAssignment'
const LISTENER = 'envoy.config.listener.v3.Listener'
const ROUTES = 'envoy.config.route.v3.RouteConfiguration'
const SCOPES = 'envoy.config.route.v3.ScopedRouteConfiguration'
const EXTENSION = 'envoy.config.core.v3.TypedExtensionConfig'
const MANAGER = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const ADS = { ads: {}, resource_api_version: 'V3' }
const MODES: readonly Dialect[] = [stateOfTheWorld, delta]

const eds = (name: string, service = name) => ({
  name,
  type: 'EDS',
  connect_timeout: '1s',
  eds_cluster_config: { service_name: service, eds_config: ADS },
})
const assignment = (name: string) => ({
  cluster_name: name,
  endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.9', port_value: 80 } } } }] }],
})
const listener = (name: string, manager: object) => ({
  name,
  address: { socket_address: { address: '127.0.0.1', port_value: 1 } },
  filter_chains: [
    { filters: [{ name: 'http', typed_config: { '@type': MANAGER, stat_prefix: 'x', http_filters: [{ name: 'r' }], ...manager } }] },
  ],
})
const routes = (name: string) => ({ name, virtual_hosts: [{ name: 'v', domains: ['*'] }] })
const rds = (name: string) => ({ rds: { route_config_name: name, config_source: ADS } })
const MESH = {
  [CLUSTER]: [eds('b', 'sb'), eds('a'), { name: 'plain', connect_timeout: '2s' }],
  [ASSIGNMENT]: [assignment('sb'), assignment('a'), assignment('stranger')],
  [LISTENER]: [listener('two', rds('r2')), listener('one', rds('r1'))],
  [ROUTES]: [routes('r1'), routes('r2'), routes('r3')],
}

interface Asked {
  readonly fetched: Fetched
  readonly server: FakeServer
  readonly codes: readonly string[]
  readonly messages: string
}

async function ask(dialect: Dialect, behaviour: Behaviour, more: { timeoutMs?: number; retries?: number } = {}): Promise<Asked> {
  const server = await startFakeServer(behaviour)
  try {
    const fetched = await fetchResources({
      target: { server: `127.0.0.1:${server.port}`, tls: undefined, headers: [['x-token', 'secret']] },
      node: { id: 'node', cluster: 'c', metadata: { a: [1] }, locality: { zone: 'z' }, user_agent_name: 'kmeshc', user_agent_version: '1' },
      dialect,
      judge: createJudge(envoySchema()),
      timeoutMs: 600,
      retries: 2,
      ...more,
    })
    const diag = createDiagnostics()
    reportFetch(fetched, diag)
    return { fetched, server, codes: diag.list.map(({ code }) => code), messages: diag.list.map(({ message }) => message).join('\n') }
  } finally {
    server.close()
  }
}

const text = ({ fetched }: Asked): string => [...snapshotText(ordered(fetched.collection).map(({ json }) => json))].join('')
const kind = (url: string): string => url.slice(url.lastIndexOf('.') + 1)

test('both modes, any order of the server: the same bytes, in order, with nothing that nobody refers to', async () => {
  const texts: string[] = []
  for (const dialect of MODES)
    for (const holdings of [MESH, Object.fromEntries(Object.entries(MESH).map(([type, list]) => [type, [...list].reverse()]))]) {
      const asked = await ask(dialect, holding(holdings))
      assert.equal([asked.codes, asked.fetched.streams, asked.fetched.responses], [[], 1, 4])
      texts.push(text(asked))
    }
  assert.is(new Set(texts).size, 1)
  const names = (JSON.parse(texts[0] as string) as { '@type': string; name?: string; cluster_name?: string }[]).map(
    (one) => `${kind(one['@type'])} ${one.name ?? one.cluster_name}`,
  )
  assert.equal(names, [
    ...['Cluster a', 'Cluster b', 'Cluster plain', 'ClusterLoadAssignment a', 'ClusterLoadAssignment sb'],
    ...['Listener one', 'Listener two', 'RouteConfiguration r1', 'RouteConfiguration r2'],
  ])
})

test('state of the world: asked in the order of Envoy, each response acknowledged, the node said once', async () => {
  const { server } = await ask(stateOfTheWorld, holding(MESH))
  const said = server.requests.map(
    (one) => `${kind(one.type_url)} [${one.resource_names ?? ''}] v${one.version_info ?? ''} ${one.response_nonce ? 'ack' : 'ask'}`,
  )
  assert.equal(said, [
    ...['Cluster [] v ask', 'Cluster [] v1 ack'],
    ...['ClusterLoadAssignment [a,sb] v ask', 'ClusterLoadAssignment [a,sb] v1 ack'],
    ...['Listener [] v ask', 'Listener [] v1 ack'],
    ...['RouteConfiguration [r1,r2] v ask', 'RouteConfiguration [r1,r2] v1 ack'],
  ])
  assert.equal(
    server.requests.map(({ node }) => node !== undefined),
    [true, ...Array.from({ length: 7 }, () => false)],
  )
  const { id, cluster, locality, metadata } = (server.requests[0] as FakeRequest).node ?? {}
  assert.equal([id, cluster], ['node', 'c'])
  assert.match(JSON.stringify([locality, metadata]), /"zone":"z".*"a".*1/)
  assert.is(server.headers[0]?.['x-token'], 'secret')
})

test('scoped routes and discovered filters are followed', async () => {
  const filter = { name: 'wasm', config_discovery: { config_source: ADS, type_urls: ['x/example.Own'] } }
  const scoped = {
    name: 's',
    scope_key_builder: { fragments: [{ header_value_extractor: { name: 'h', index: 0 } }] },
    rds_config_source: ADS,
    scoped_rds: { scoped_rds_config_source: ADS },
  }
  const scope = { name: 'sc', route_configuration_name: 'r3', key: { fragments: [{ string_key: 'k' }] } }
  const extension = { name: 'wasm', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } }
  const mesh = {
    ...MESH,
    [LISTENER]: [listener('l', { scoped_routes: scoped, http_filters: [filter, { name: 'r' }] })],
    [SCOPES]: [scope],
    [EXTENSION]: [extension],
  }
  const texts = await Promise.all(MODES.map(async (dialect) => text(await ask(dialect, holding(mesh)))))
  assert.is(texts[0], texts[1])
  for (const name of ['"wasm"', '"sc"', '"r3"']) assert.match(texts[0] as string, new RegExp(`"name": ${name}`))
})

test('what does not validate is refused with the reason, and what is sent better in return is taken', async () => {
  const bad = { name: 'bad', connect_timeout: '-1s' }
  for (const dialect of MODES) {
    const stubborn = await ask(dialect, holding({ ...MESH, [CLUSTER]: [bad, eds('a')] }))
    const nacks = stubborn.server.requests.filter(({ error_detail }) => error_detail !== undefined)
    assert.is(nacks.length, 1)
    assert.match(nacks[0]?.error_detail?.message ?? '', /cds\["bad"\]\.connect_timeout/)
    assert.is(nacks[0]?.version_info, undefined, 'the version before: none')
    assert.equal([...stubborn.codes].slice(0, 1), ['KM1855'])
    assert.equal(stubborn.fetched.collection.held('eds').length, 1, 'what is beside it is followed, as Envoy does')
    const wise: Behaviour = (request, stream) => {
      if (request.error_detail !== undefined) respondWith(request, stream, [{ ...bad, connect_timeout: '1s' }], '2')
      else holding({ [CLUSTER]: [bad] })(request, stream)
    }
    // the listeners are answered late, so that the better clusters come first
    const slow: Behaviour = (request, stream) => {
      if (kind(request.type_url) !== 'Listener') wise(request, stream)
      else if (!request.response_nonce) setTimeout(() => respondWith(request, stream, []), 100)
    }
    const asked = await ask(dialect, once(slow))
    assert.equal(asked.codes, [])
    assert.is(asked.fetched.collection.held('cds')[0]?.json.connect_timeout, '1s')
  }
})

/** Acknowledgements need no answer. */
function once(behaviour: Behaviour): Behaviour {
  return (request, stream) => {
    if (request.response_nonce === undefined || request.error_detail !== undefined) behaviour(request, stream)
  }
}

test('a server that repeats what was refused is answered ever more slowly', async () => {
  let times = 0
  const stubborn: Behaviour = (request, stream) => {
    if (kind(request.type_url) !== 'Cluster') return
    times++
    respondWith(request, stream, [{ name: 'bad', connect_timeout: '-1s' }], String(times))
  }
  const { codes } = await ask(stateOfTheWorld, stubborn, { timeoutMs: 900 })
  assert.ok(times > 1 && times < 6, `${times} times within 0.9 s`)
  assert.is(codes[0], 'KM1855')
})

test('a resource that is no protobuf, of another type, or twice', async () => {
  const url = `type.googleapis.com/${CLUSTER}`
  const good = encodeJson(CLUSTER, { name: 'a', connect_timeout: '1s' })
  for (const [packed, said] of [
    [[{ typeUrl: url, value: Uint8Array.of(10, 99) }], /not valid protobuf/],
    [[{ typeUrl: `type.googleapis.com/${LISTENER}`, value: good }], /Listener came in place of a/],
    [
      [
        { typeUrl: url, value: good },
        { typeUrl: url, value: good },
      ],
      /comes twice/,
    ],
  ] as const) {
    const behaviour: Behaviour = (request, stream) => {
      if (kind(request.type_url) === 'Cluster') respondPacked(request, stream, packed)
      else respondWith(request, stream, [])
    }
    const { codes, messages, server } = await ask(stateOfTheWorld, once(behaviour))
    assert.equal(codes, ['KM1855', 'KM1858'])
    assert.match(messages, said)
    assert.match(server.requests[1]?.error_detail?.message ?? '', said)
  }
})

test('fields that are not known are named', async () => {
  const value = Buffer.concat([encodeJson(CLUSTER, { name: 'a', connect_timeout: '1s' }), Buffer.from([0xc0, 0xbb, 0x78, 1])])
  const behaviour: Behaviour = (request, stream) => {
    if (kind(request.type_url) === 'Cluster') respondPacked(request, stream, [{ typeUrl: request.type_url, value }])
    else respondWith(request, stream, [])
  }
  const { codes, messages } = await ask(stateOfTheWorld, once(behaviour))
  assert.equal(codes, ['KM1856'])
  assert.match(messages, `number ${0x78 * 128 * 16 + 0x3b * 16 + 8} of ${CLUSTER}`)
})

test('resources that never come are named after the time that is allowed; the rest is there', async () => {
  for (const dialect of MODES) {
    const asked = await ask(dialect, holding({ ...MESH, [ASSIGNMENT]: [assignment('a')] }))
    assert.equal(asked.codes, ['KM1854'])
    assert.match(asked.messages, '1 endpoint assignments never came: "sb"')
    assert.equal(asked.fetched.missing, [{ kind: 'eds', name: 'sb', why: 'unanswered' }])
    assert.is(asked.fetched.collection.held('rds').length, 2)
  }
})

test('what the server says it does not have is not waited for', async () => {
  const behaviour = once((request, stream) => {
    if (kind(request.type_url) === 'ClusterLoadAssignment') respondWith(request, stream, [], '1', request.resource_names_subscribe ?? [])
    else holding(MESH)(request, stream)
  })
  const began = performance.now()
  const { codes, messages } = await ask(delta, behaviour, { timeoutMs: 120_000 })
  assert.ok(performance.now() - began < 60_000)
  assert.equal(codes, ['KM1854'])
  assert.match(messages, 'says that 2 endpoint assignments do not exist: "a", "sb"')
})

test('a silent server, nobody there, a foreign server', async () => {
  assert.equal((await ask(delta, () => undefined)).codes, ['KM1853'])
  const foreign = await ask(stateOfTheWorld, (_, stream) => stream.fail(16, 'who are you'))
  assert.equal([foreign.codes, foreign.fetched.streams], [['KM1852'], 1])
  assert.match(foreign.messages, 'UNAUTHENTICATED: who are you')
  const noise = await ask(stateOfTheWorld, (_, stream) => stream.sendRaw(Buffer.from([10, 99, 1])))
  assert.equal(noise.codes, ['KM1852'])
})

test('a stream that breaks is made again: nothing is lost, and the server is told what is there', async () => {
  for (const dialect of MODES) {
    const breaking: Behaviour = (request, stream) => {
      if (request.stream === 0 && kind(request.type_url) === 'Listener') stream.fail(14, 'going away')
      else holding(MESH)(request, stream)
    }
    const asked = await ask(dialect, once(breaking), { timeoutMs: 2000 })
    assert.equal([asked.codes, asked.fetched.streams], [[], 2])
    const first = asked.server.requests.find(({ stream }) => stream === 1)
    assert.ok(first?.node !== undefined)
    if (dialect === delta) assert.equal(Object.keys(first.initial_resource_versions ?? {}).sort(), ['a', 'b', 'plain'])
    else assert.is(first.version_info, '1')
    assert.is(text(asked), text(await ask(dialect, holding(MESH))))
  }
})

test('a server that always breaks ends the fetch after bounded attempts', async () => {
  const asked = await ask(stateOfTheWorld, (_, stream) => stream.end())
  assert.equal([asked.codes, asked.fetched.streams], [['KM1852'], 3])
})

test('clusters that change while the rest is asked for', async () => {
  let first: 'yes' | 'no' = 'yes'
  const moving: Behaviour = (request, stream) => {
    if (kind(request.type_url) === 'Listener' && first === 'yes') {
      first = 'no'
      const again = { ...request, type_url: `type.googleapis.com/${CLUSTER}` }
      respondWith(again, stream, [eds('b', 'sb')], '2', ['a', 'plain'])
    }
    holding(MESH)(request, stream)
  }
  for (const dialect of MODES) {
    first = 'yes'
    const { fetched } = await ask(dialect, once(moving))
    assert.equal(
      fetched.collection.held('cds').map(({ key }) => key),
      ['b'],
    )
    assert.equal(
      fetched.collection.held('eds').map(({ key }) => key),
      ['sb'],
    )
  }
})

test.run()
