import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { analyse } from '../compile.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { testSnapshot } from '../test-snapshot.ts'
import { readTests } from './read-tests.ts'
import type { DialTest, RequestTest } from './route-test.ts'
import { runText } from './run-text.ts'

const TYPE = 'type.googleapis.com/envoy.'
const endpoint = (address: string, weight: number) => ({
  load_balancing_weight: weight,
  endpoint: { address: { socket_address: { address, port_value: 80 } } },
})
const cluster = (name: string, ...endpoints: readonly object[]) => ({
  '@type': `${TYPE}config.cluster.v3.Cluster`,
  name,
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
})
const SNAPSHOT = [
  {
    '@type': `${TYPE}config.listener.v3.Listener`,
    name: 'shop',
    address: { socket_address: { address: '10.0.0.1', port_value: 80 } },
    bind_to_port: false,
    filter_chains: [
      {
        filters: [
          {
            name: 't',
            typed_config: { '@type': `${TYPE}extensions.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 's', cluster: 'v1' },
          },
        ],
      },
    ],
  },
  cluster('v1', endpoint('10.1.0.1', 3), endpoint('10.1.0.2', 1)),
  cluster('v2', endpoint('10.1.0.3', 1)),
  {
    '@type': `${TYPE}config.route.v3.RouteConfiguration`,
    name: 'web',
    virtual_hosts: [
      {
        name: 'a',
        domains: ['a.example'],
        response_headers_to_add: [{ header: { key: 'x-mesh', value: 'yes' } }],
        routes: [
          { name: 'one', match: { prefix: '/one' }, route: { cluster: 'v1', prefix_rewrite: '/1' } },
          { match: { path: '/old' }, redirect: { path_redirect: '/new' } },
          { name: 'rest', match: { prefix: '/' }, route: { cluster: 'v2' }, request_headers_to_remove: ['x-debug'] },
        ],
      },
    ],
  },
]

function read(text: string) {
  const diag = createDiagnostics()
  return { tests: readTests({ name: 'tests.yaml', bytes: Buffer.from(text) }, diag), diag }
}

function run(text: string) {
  const options = { resolve: new Map(), addresses: [], plaintextTo: new Set<'istio'>(), strict: false }
  const diag = createDiagnostics()
  const analysis = analyse(
    [{ name: 's.json', bytes: Buffer.from(JSON.stringify(SNAPSHOT)) }],
    options,
    createDiagnostics(),
    () => undefined,
  )
  const found = read(text)
  assert.not.ok(found.diag.failed, JSON.stringify(found.diag.list))
  return { run: testSnapshot(found.tests, analysis, diag), diag }
}

test('forms of requests and dials', () => {
  const { tests } = read(`
route_config: web
headers: {x-all: "1"}
tests:
  - {request: "post https://a.example:8443/x?y=1", expect: {outcome: cluster}}
  - {name: second, request: {authority: a, headers: [[X-A, b], [x-a, c]], route_config: other, random: 0.5}, expect: {status: [200, "301", null]}}
  - {request: {headers: {x-a: [b, c]}}, expect: {cluster: null}}
  - {dial: {address: "[::1]:80", protocol: udp, socket: v6}, expect: {outcome: passed}}
  - {dial: {address: "fd00::1", port: 81, source: 10.0.0.1}, expect: {outcome: passed}}
`)
  assert.equal(
    tests.map(({ name, place }) => [name, place.line]),
    [
      ['test 1', 5],
      ['second', 6],
      ['test 3', 7],
      ['test 4', 8],
      ['test 5', 9],
    ],
  )
  const requests = tests as readonly RequestTest[]
  assert.equal(requests[0]?.request, {
    method: 'post',
    authority: 'a.example:8443',
    path: '/x?y=1',
    headers: [['x-all', '1']],
    scheme: 'https',
  })
  assert.is(requests[0]?.routeConfig, 'web')
  assert.equal(requests[1]?.request.headers, [
    ['x-all', '1'],
    ['X-A', 'b'],
    ['x-a', 'c'],
  ])
  assert.is(requests[1]?.routeConfig, 'other')
  assert.equal(requests[2]?.request.headers, [
    ['x-all', '1'],
    ['x-a', 'b'],
    ['x-a', 'c'],
  ])
  const dials = tests.slice(3) as readonly DialTest[]
  assert.equal(
    dials.map(({ dial }) => dial),
    [
      { protocol: 'udp', address: '::1', port: 80, socket: 'v6' },
      { protocol: 'tcp', address: 'fd00::1', port: 81, source: '10.0.0.1' },
    ],
  )
})

test('what is wrong with a file is told with its place', () => {
  const cases: readonly (readonly [text: string, message: string, line: number, column: number])[] = [
    ['- {request: GET a/, expect: {outcome: cluster}', 'Flow map', 1, 47],
    ['- request: {}\n  expect: {outcom: cluster}', '"outcom" is not known here', 2, 20],
    ['- request: {}', 'has no "expect"', 1, 3],
    ['- expect: {outcome: x}', 'needs either "request" or "dial"', 1, 3],
    ['- dial: {address: example}\n  expect: {outcome: passed}', '"example" is not an IP address', 1, 19],
    ['- dial: {address: "10.0.0.1:99999"}\n  expect: {outcome: passed}', 'a port between 1 and 65535', 1, 9],
    ['- request: {headers: 7}\n  expect: {outcome: x}', '"headers" is a map', 1, 22],
    ['- request: {random: 1}\n  expect: {outcome: x}', '"random" is at least 0', 1, 21],
    ['- request: "a b c"\n  expect: {outcome: x}', 'is not of the form', 1, 12],
    ['- request: {}\n  expect: {}', '"expect" says nothing', 2, 11],
    ['- request: {}\n  expect: {request_headers: x}', 'is a map from name to value', 2, 29],
    ['- request: {}\n  expect: {cluster: {a: 1}}', 'is a text, a number, null or a list', 2, 21],
    ['7', 'the file is not a map', 1, 1],
    ['[]', 'there is no test', 1, 1],
    ['{tests: 1}', '"tests" is not a list', 1, 9],
  ]
  for (const [text, message, line, column] of cases) {
    const { diag } = read(text)
    const [first] = diag.list
    assert.is(first?.code, 'KM1921', text)
    assert.match(first?.message ?? '', message)
    assert.equal([first?.line, first?.column], [line, column], text)
  }
})

test('one wrong test does not hide the others', () => {
  const { tests, diag } = read(
    '- {request: GET /, expect: {outcome: x}}\n- {request: GET /, expect: {nonsense: x}}\n- {request: GET /, expect: {outcome: y}}',
  )
  assert.is(tests.length, 2)
  assert.is(diag.list.length, 1)
})

test('requests: what holds and what does not', () => {
  const { run: ran, diag } = run(`
route_config: web
tests:
  - name: rewritten
    request: GET http://a.example/one/x
    expect: {outcome: cluster, virtual_host: a, route: one, cluster: v1, path: /1/x, authority: a.example, response_headers: {X-Mesh: "yes", x-none: null}, location: null}
  - name: redirected
    request: GET http://a.example/old
    expect: {outcome: redirect, status: [301, 302], location: http://a.example/new, cluster: null}
  - name: unknown host
    request: GET http://b.example/
    expect: {outcome: no_route, status: 404}
  - name: wrong
    request: {authority: a.example, path: /one, headers: {x-debug: "1"}}
    expect: {cluster: [v2, v3], status: 200, request_headers: {x-debug: null}, path: null}
`)
  assert.equal(
    ran.results.map(({ passed }) => passed),
    [true, true, true, false],
    JSON.stringify(ran.results.map(({ failures }) => failures)),
  )
  assert.equal(ran.results[3]?.failures, [
    { field: 'cluster', expected: '"v2" or "v3"', actual: '"v1"' },
    { field: 'status', expected: '200', actual: 'none' },
    { field: 'request_headers.x-debug', expected: 'none', actual: '"1"' },
    { field: 'path', expected: 'none', actual: '"/1"' },
  ])
  assert.equal(
    ran.coverage.unreached.map(({ routeConfiguration, virtualHost, route }) => [routeConfiguration, virtualHost, route]),
    [['web', 'a', 'rest']],
  )
  assert.equal([ran.coverage.routes, ran.coverage.reached], [3, 2])
  assert.equal(
    diag.list.map(({ code, line }) => [code, line]),
    [
      ['KM1922', 13],
      ['KM1923', undefined],
    ],
  )
  const text = runText(ran, { colour: false, most: 9, locate: () => ({ file: 's.json', line: 3, column: 4 }) })
  assert.match(text, 'FAIL  wrong  (tests.yaml:13:5)\n        cluster: expected "v2" or "v3", got "v1"')
  assert.match(text, '3 passed, 1 failed; 2 of 3 routes reached\nroutes that no test reached\n  web / a / rest  (s.json:3:4)')
})

test('a route without a name is called by what it matches', () => {
  const { run: ran } = run('- {request: {authority: a.example, path: /x, route_config: web}, expect: {cluster: v2}}')
  assert.equal(
    ran.coverage.unreached.map(({ route }) => route),
    ['one', 'path "/old"'],
  )
})

test('a request that nothing takes is an error of its own', () => {
  const { run: ran } = run('- {request: {authority: a.example, route_config: nowhere}, expect: {outcome: cluster}}')
  assert.is(ran.results[0]?.decision.outcome, 'error')
  assert.match(String(ran.results[0]?.decision.reason), 'no route configuration "nowhere"; there are web')
})

test('dials', () => {
  const { run: ran } = run(`
- {dial: {address: "10.0.0.1:80"}, expect: {outcome: balanced, listener: shop, cluster: v1, shares: {"10.1.0.1:80": 75%, "10.1.0.2:80": 0.25}, endpoints: ["10.1.0.2:80", "10.1.0.1:80"], clusters: {v1: 1}}}
- {dial: {address: "10.0.0.1:81"}, expect: {outcome: passed, cluster: null}}
- {dial: {address: "10.0.0.1:80"}, expect: {shares: {"10.1.0.1:80": 50%, "10.1.0.9:80": 50%}, cluster: v2, outcome: refused}}
`)
  assert.equal(
    ran.results.map(({ passed }) => passed),
    [true, true, false],
  )
  assert.equal(
    ran.results[2]?.failures.map(({ field, expected, actual }) => `${field} ${expected} ${actual}`),
    [
      'shares.10.1.0.1:80 50% 75%',
      'shares.10.1.0.2:80 0% 25%',
      'shares.10.1.0.9:80 50% 0%',
      'cluster "v2" "v1"',
      'outcome "refused" "balanced"',
    ],
  )
})

test.run()
