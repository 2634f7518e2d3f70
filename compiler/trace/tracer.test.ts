import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import type { RequestLine } from '../http/request.ts'
import { readInput } from '../input/read.ts'
import { readBalancePolicy } from '../balance/read.ts'
import { toProgram } from '../ir/to-program.ts'
import { parse } from '../parse/parse.ts'
import { createTracer, type Detail, type Trace, type Tracer } from './tracer.ts'

type Json = Readonly<Record<string, unknown>>
const TYPE = 'type.googleapis.com/envoy.'
const ROUTER = { name: 'envoy.filters.http.router', typed_config: { '@type': `${TYPE}extensions.filters.http.router.v3.Router` } }

function tracerOf(...resources: readonly Json[]): Tracer {
  const diag = createDiagnostics()
  const input = readInput([{ name: 'test.json', bytes: Buffer.from(JSON.stringify(resources)) }], diag)
  const options = { resolve: new Map(), addresses: [], plaintextTo: new Set<string>(), strict: false, readBalance: readBalancePolicy }
  return createTracer(input.resources, () => toProgram(parse(input.resources, options, diag), new Map(), diag))
}

const manager = (routes: Json, filters: readonly Json[] = [], more: Json = {}): Json => ({
  name: 'hcm',
  typed_config: {
    '@type': `${TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 's',
    http_filters: [...filters, ROUTER],
    ...routes,
    ...more,
  },
})
const listener = (name: string, address: string, port: number, chains: readonly Json[], more: Json = {}): Json => ({
  '@type': `${TYPE}config.listener.v3.Listener`,
  name,
  address: { socket_address: { address, port_value: port } },
  filter_chains: chains,
  ...more,
})
const routes = (name: string, domains: readonly string[], cluster: string, route: Json = {}): Json => ({
  '@type': `${TYPE}config.route.v3.RouteConfiguration`,
  name,
  virtual_hosts: [
    { name: `${name}-host`, domains, routes: [{ name: `${name}-route`, match: { prefix: '/' }, route: { cluster }, ...route }] },
  ],
})
const rds = (name: string): Json => ({ rds: { route_config_name: name, config_source: { ads: {} } } })
const cluster = (name: string, more: Json = {}): Json => ({
  '@type': `${TYPE}config.cluster.v3.Cluster`,
  name,
  type: 'STATIC',
  connect_timeout: '1s',
  ...more,
})
const tcp = (to: string): Json => ({
  name: 't',
  typed_config: { '@type': `${TYPE}extensions.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 's', cluster: to },
})
const endpoints = (name: string, ...hosts: readonly Json[]): Json => ({
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: hosts.map((endpoint) => ({ endpoint })) }] },
})
const at = (address: string, port: number): Json => ({ address: { socket_address: { address, port_value: port } } })

const ask = (tracer: Tracer, request: Partial<RequestLine> = {}, detail?: Detail): Trace => {
  const trace = tracer.atListener({ method: 'GET', authority: 'a.com', path: '/', headers: [], ...request }, detail)
  assert.ok('decision' in trace, 'why' in trace ? trace.why : '')
  return trace as Trace
}

test('the destination decides: exact address, any address of the port, catch-all', () => {
  const chain = (name: string): readonly Json[] => [{ filters: [manager(rds(name))] }]
  const tracer = tracerOf(
    listener('exact', '10.0.0.1', 80, chain('exact')),
    listener('any', '0.0.0.0', 80, chain('any')),
    listener('rest', '0.0.0.0', 15001, chain('rest'), { use_original_dst: true }),
    ...['exact', 'any', 'rest'].map((name) => routes(name, ['*'], name)),
  )
  assert.is(ask(tracer, { destination: '10.0.0.1:80' }).decision.cluster, 'exact')
  assert.is(ask(tracer, { destination: '10.0.0.2:80' }).decision.cluster, 'any')
  assert.is(ask(tracer, { destination: '10.0.0.2:99' }).decision.cluster, 'rest')
})

test('without destination it is found by port and virtual host, outbound first; the others are listed', () => {
  const tracer = tracerOf(
    listener('a', '10.0.0.1', 80, [{ filters: [manager(rds('a'))] }]),
    listener('b', '10.0.0.2', 80, [{ filters: [manager(rds('b'))] }]),
    listener('c', '10.0.0.3', 80, [{ filters: [manager(rds('c'))] }], { traffic_direction: 'INBOUND' }),
    listener('d', '10.0.0.4', 81, [{ filters: [manager(rds('b'))] }]),
    routes('a', ['*'], 'a'),
    routes('b', ['b.com', 'b.com:81'], 'b'),
    routes('c', ['b.com'], 'c'),
  )
  const found = ask(tracer, { authority: 'b.com' })
  assert.is(found.decision.cluster, 'b')
  assert.equal(
    found.others.map((place) => ('listener' in place ? place.listener.name : '')),
    ['c', 'a'],
  )
  const other = ask(tracer, { authority: 'b.com:81' })
  assert.ok('listener' in other.place && other.place.listener.name === 'd')
  const none = tracer.atListener({ method: 'GET', authority: 'b.com:99', path: '/', headers: [] })
  assert.ok('why' in none)
  assert.match((none as { why: string }).why, /port 99/)
})

test('route configurations alone are found by their hosts', () => {
  const tracer = tracerOf(routes('any', ['*'], 'x'), routes('b', ['b.com'], 'y'))
  assert.is(ask(tracer, { authority: 'b.com' }).decision.cluster, 'y')
  assert.is(ask(tracer, { authority: 'z.com' }).decision.cluster, 'x')
})

test('filter chains by port, transport and server name; a chain that is not HTTP is layer 4', () => {
  const tls = {
    transport_socket: { name: 'tls', typed_config: { '@type': `${TYPE}extensions.transport_sockets.tls.v3.DownstreamTlsContext` } },
  }
  const inspector = { '@type': `${TYPE}extensions.filters.listener.tls_inspector.v3.TlsInspector` }
  const inspecting = { listener_filters: [{ name: 'tls', typed_config: inspector }] }
  const chains = [
    { filter_chain_match: { server_names: ['*.a.com'], transport_protocol: 'tls' }, filters: [manager(rds('wild'))], ...tls },
    { filter_chain_match: { server_names: ['x.a.com'] }, filters: [manager(rds('exact'))], ...tls },
    { filter_chain_match: { transport_protocol: 'raw_buffer' }, filters: [manager(rds('plain'))] },
  ]
  const tracer = tracerOf(
    listener('l', '10.0.0.1', 443, chains, inspecting),
    listener('m', '10.0.0.2', 443, chains),
    listener('t', '10.0.0.1', 5432, [{ filters: [tcp('db')] }]),
    ...['wild', 'exact', 'plain'].map((name) => routes(name, ['*'], name)),
    ...['wild', 'exact', 'plain'].map((name) => cluster(name)),
    cluster('db', endpoints('db', at('10.1.0.1', 5432))),
  )
  const to = (authority: string, scheme: string): string | undefined =>
    ask(tracer, { authority, scheme, destination: '10.0.0.1:443' }).decision.cluster
  assert.is(to('x.a.com', 'https'), 'exact')
  assert.is(to('y.a.com', 'https'), 'wild')
  assert.is(to('y.a.com', 'http'), 'plain')
  // nobody looks for TLS
  assert.is(ask(tracer, { authority: 'x.a.com', scheme: 'https', destination: '10.0.0.2:443' }).decision.cluster, 'plain')
  const { decision } = ask(tracer, { destination: '10.0.0.1:5432' })
  assert.equal([decision.outcome, decision.cluster, decision.lane], ['cluster', 'db', 'direct'])
  assert.is(ask(tracer, { destination: '10.9.9.9:1' }).decision.outcome, 'pass')
})

test('HTTP filters in front of the router answer first, the route has the last word on them', () => {
  const name = 'envoy.filters.http.fault'
  const type = `${TYPE}extensions.filters.http.fault.v3.HTTPFault`
  const abort = { '@type': type, abort: { http_status: 418, percentage: { numerator: 100 } } }
  const header = { response_headers_to_add: [{ header: { key: 'x-r', value: '1' } }] }
  const run = (base: Json, own: Json | undefined): Trace => {
    const filters = [{ name, typed_config: base }]
    const route = { ...header, ...(own !== undefined && { typed_per_filter_config: { [name]: own } }) }
    return ask(tracerOf(listener('l', '10.0.0.1', 80, [{ filters: [manager(rds('r'), filters)] }]), routes('r', ['*'], 'c', route)))
  }
  const aborted = run(abort, undefined).decision
  assert.equal(
    [aborted.outcome, aborted.status, aborted.body, aborted.reason],
    ['direct_response', 418, 'fault filter abort', 'fault_filter_abort'],
  )
  assert.equal(aborted.responseHeaders, [
    ['x-r', '1'],
    ['content-type', 'text/plain'],
  ])
  assert.is(run({ '@type': type }, undefined).decision.outcome, 'cluster')
  assert.is(run({ '@type': type }, abort).decision.status, 418)
  assert.is(run(abort, { '@type': `${TYPE}config.route.v3.FilterConfig`, disabled: true }).decision.outcome, 'cluster')
  const alone = tracerOf(routes('r', ['*'], 'c', { typed_per_filter_config: { [name]: abort } }))
  const trace = alone.atRoutes('r', { method: 'GET', authority: 'a', path: '/', headers: [] })
  assert.is(trace?.decision.outcome, 'cluster', 'a default connection manager has no such filter')
  assert.ok(trace?.decision.detail.filters.get(name)?.data, 'and still it is told')
})

test('auto_host_rewrite takes the name of the endpoint', () => {
  const named = cluster('c', endpoints('c', { ...at('10.1.0.1', 80), hostname: 'h.internal' }))
  const dns = cluster('d', { type: 'STRICT_DNS', ...endpoints('d', at('db.example', 80)) })
  const tracer = tracerOf(
    named,
    dns,
    ...['c', 'd'].map((name) => routes(name, ['*'], name, { route: { cluster: name, auto_host_rewrite: true } })),
  )
  const authority = (name: string): string | undefined =>
    tracer.atRoutes(name, { method: 'GET', authority: 'a', path: '/', headers: [] })?.decision.authority
  assert.is(authority('c'), 'h.internal')
  assert.is(authority('d'), 'db.example')
})

test('an explanation changes nothing and names what was tried', () => {
  const tracer = tracerOf({
    '@type': `${TYPE}config.route.v3.RouteConfiguration`,
    name: 'r',
    virtual_hosts: [
      {
        name: 'v',
        domains: ['*'],
        routes: [
          { name: 'one', match: { path: '/x' }, route: { cluster: 'c' } },
          { name: 'two', match: { prefix: '/' }, route: { cluster: 'c' } },
        ],
      },
    ],
  })
  const detail: Detail = { tried: [], filters: [] }
  const line = { method: 'GET', authority: 'a', path: '/', headers: [] }
  assert.equal(tracer.atRoutes('r', line, detail)?.decision, tracer.atRoutes('r', line)?.decision)
  assert.equal(
    detail.tried.map(({ name }) => name),
    ['one'],
  )
  assert.is(detail.domain, '*')
})

test.run()
