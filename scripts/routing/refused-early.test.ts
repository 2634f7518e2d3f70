/** Requests that Envoy answers before it asks their route: what it knows of virtual host and route by then. Each was tried on Envoy 1.40. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Decision } from '../../compiler/http/model.ts'
import type { JsonObject } from '../oracle/envoy.ts'
import { answered, decide, respond, sent, to } from './decide-case.ts'
import type { RoutingRequest } from './routing-case.ts'

type Headers = RoutingRequest['headers']

const HTTP = 'type.googleapis.com/envoy.extensions.http'
const FILTERS = 'type.googleapis.com/envoy.extensions.filters.http'
const FORMAT = '%ROUTE_NAME%|%METADATA(VIRTUAL_HOST:m:k)%|%UPSTREAM_CLUSTER%|%REQUEST_HEADERS_BYTES%'
const dressed: JsonObject = { local_reply_config: { body_format: { text_format_source: { inline_string: FORMAT } } } }
const detecting: JsonObject = {
  original_ip_detection_extensions: [
    {
      name: 'd',
      typed_config: {
        '@type': `${HTTP}.original_ip_detection.custom_header.v3.CustomHeaderConfig`,
        header_name: 'x-c',
        reject_with_status: { code: 'BadRequest' },
      },
    },
  ],
}
const host: JsonObject = { metadata: { filter_metadata: { m: { k: 'host' } } } }
const PROTO = ['x-forwarded-proto', 'http'] as const

function asked(route: JsonObject, request: Partial<RoutingRequest>, hcm: JsonObject = {}, more: JsonObject = {}): Decision {
  return decide({ name: 'r', ...route }, request, { host: { ...host, ...more }, hcm: { ...dressed, ...hcm } })
}

test('a client that is not found: the referer has been looked at, and no route where nobody has told x-forwarded-proto', () => {
  const refused = (headers: Headers) => asked({ ...to(), ...respond('x') }, { headers }, detecting)
  const nowhere = refused([['referer', 'http:a.com']])
  // :method GET, :path /a and :authority a.com
  assert.equal([nowhere.status, nowhere.body, answered(nowhere, 'x-q')], [400, '-|host|-|32', undefined])
  const found = refused([PROTO])
  assert.equal([found.body, answered(found, 'x-q')], ['r|host|c0|53', 'x'])
  const weighted = { route: { weighted_clusters: { clusters: [{ name: 'c1', weight: 1, ...respond('w') }] } } }
  const by = { match: { prefix: '/', headers: [{ name: 'referer' }] }, ...weighted }
  assert.is(answered(asked(by, { headers: [PROTO, ['referer', 'http:a.com']] }, detecting), 'x-q'), undefined)
  assert.is(answered(asked(by, { headers: [PROTO, ['referer', 'http://a.com']] }, detecting), 'x-q'), 'w')
})

test('an upgrade that is refused knows its route, whose headers are added only where it forwards', () => {
  const headers: Headers = [
    ['connection', 'upgrade'],
    ['upgrade', 'other'],
  ]
  const direct = asked({ direct_response: { status: 200 }, ...respond('x') }, { headers })
  assert.equal([direct.status, direct.body, answered(direct, 'x-q')], [403, 'r|host|-|93', undefined])
  assert.is(answered(asked({ non_forwarding_action: {}, ...respond('x') }, { headers }), 'x-q'), 'x')
  const named = { route: { weighted_clusters: { clusters: [{ cluster_header: 'x-n', weight: 1, ...respond('w %UPSTREAM_CLUSTER%') }] } } }
  assert.is(answered(asked(named, { headers: [...headers, ['x-n', 'missing']] }), 'x-q'), 'w')
  assert.is(answered(asked(named, { headers: [...headers, ['x-n', 'c3']] }), 'x-q'), 'w c3')
  assert.match(asked({ route: { cluster_header: 'x-n' } }, { headers }).body ?? '', /^r\|host\|-\|/)
})

test('a path that is refused, or that names another one: the route and its headers', () => {
  const refused = asked({ direct_response: { status: 200 }, ...respond('x') }, { path: '/a#f', headers: [PROTO] })
  assert.equal([refused.status, refused.body, answered(refused, 'x-q')], [400, 'r|host|-|55', undefined])
  const hcm = { normalize_path: true, path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT' }
  const moved = asked({ ...to(), ...respond('x') }, { path: '/a%2fb', headers: [PROTO] }, hcm)
  assert.equal([moved.status, moved.location, moved.body, answered(moved, 'x-q')], [307, '/a/b', 'r|host|c0|55', 'x'])
  assert.is(asked(to(), { method: 'OPTIONS', path: '*' }).body, '-|host|-|35')
})

test('https and 404 are answered under the virtual host', () => {
  assert.is(asked(to(), {}, {}, { require_tls: 'ALL' }).body, '-|host|-|64')
  assert.is(asked({ match: { path: '/x' }, ...to() }, {}).body, '-|host|-|64')
})

test('what the router refuses: the virtual cluster has been looked up, and filters know the cluster', () => {
  const fault = (more: JsonObject): JsonObject => ({
    name: 'fault',
    typed_config: {
      '@type': `${FILTERS}.fault.v3.HTTPFault`,
      abort: { http_status: 418, percentage: { numerator: 100 } },
      ...more,
    },
  })
  const strict = {
    name: 'envoy.filters.http.router',
    typed_config: { '@type': `${FILTERS}.router.v3.Router`, strict_check_headers: ['x-envoy-max-retries'] },
  }
  const body_format = { text_format_source: { inline_string: '%VIRTUAL_CLUSTER_NAME%|%UPSTREAM_CLUSTER%' } }
  const status = (...filters: readonly JsonObject[]) => {
    const headers: Headers = [
      ['x-forwarded-for', '10.0.0.1'],
      ['x-envoy-max-retries', 'a'],
    ]
    const hcm = { internal_address_config: {}, http_filters: [...filters, strict], local_reply_config: { body_format } }
    const { status, body } = asked(to(), { headers }, hcm, { virtual_clusters: [{ name: 'vc', headers: [{ name: ':path' }] }] })
    return [status, body]
  }
  assert.equal(status(), [400, 'vc|c0'])
  assert.equal(status(fault({ upstream_cluster: 'c0' })), [418, '-|c0'])
  assert.equal(status(fault({ upstream_cluster: 'c1' })), [400, 'vc|c0'])
})

test('Connection: headers that it names have gone before anything else is looked at', () => {
  const of = (headers: Headers, method = 'GET') => asked(to(), { method, path: '/a#f', headers: [['x-g', 'g'], ...headers] })
  const bytes = (...headers: Headers) => Number(of(headers).body?.split('|').at(-1))
  const none = bytes()
  assert.is(bytes(['connection', 'x-g']), none - 4)
  assert.is(bytes(['connection', 'x-g, keep-alive']), none - 4 + 20)
  assert.is(bytes(['connection', ',']), none + 11)
  assert.is(bytes(['connection', 'nosuch']), none)
  assert.is(bytes(['connection', 'te'], ['te', 'gzip, Trailers']), none + 22)
  assert.is(bytes(['connection', 'te'], ['te', 'gzip']), none)
  assert.is(bytes(['connection', 'upgrade, http2-settings'], ['upgrade', 'h2c'], ['http2-settings', 'AA']), none)
  assert.is(bytes(['expect', '100-continue']), none)
  const reason = (...headers: Headers) => of(headers).reason
  assert.is(reason(['connection', 'host']), 'missing_host_header')
  assert.is(reason(['connection', 'upgrade, host'], ['upgrade', 'other']), 'path_normalization_failed')
  const many = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`).join(', ')
  assert.equal(
    [reason(['connection', many(9)]), reason(['connection', many(10)])],
    ['path_normalization_failed', 'http1.connection_header_rejected'],
  )
  const te = (length: number) => reason(['connection', 'te'], ['te', 'trailers'.padEnd(length, ',')])
  assert.equal([te(255), te(256)], ['path_normalization_failed', 'http1.connection_header_rejected'])
})

test('a request without Host is not one with an empty Host', () => {
  assert.is(asked(to(), { headers: [['connection', 'host']] }).body, '-|host|-|17')
  assert.is(asked({ match: { path: '/x' }, ...to() }, { authority: '' }).body, '-|host|-|59')
})

test('CONNECT: its target counts, and nothing that Connection names goes', () => {
  const connect = { match: { connect_matcher: {} }, route: { cluster: 'c0', upgrade_configs: [{ upgrade_type: 'CONNECT' }] } }
  const request = {
    method: 'CONNECT',
    authority: 'b.com',
    path: 'a.com:80',
    headers: [
      ['x-g', 'g'],
      ['connection', 'x-g'],
    ],
  } as const
  const decision = asked(connect, request)
  assert.equal([decision.authority, sent(decision, 'x-g')], ['a.com:80', 'g'])
})

test('CONNECT has no path: nothing to send it elsewhere with', () => {
  const request = {
    method: 'CONNECT',
    authority: 'a.com:80',
    path: 'a.com:80',
    headers: [
      ['connection', 'upgrade'],
      ['upgrade', 'other'],
    ],
  } as const
  const hcm = { upgrade_configs: [{ upgrade_type: 'other' }] }
  for (const action of [{ redirect: { prefix_rewrite: '/n' } }, { direct_response: { status: 301 } }]) {
    const moved = asked({ match: { connect_matcher: {} }, ...action }, request, hcm)
    assert.equal([moved.status, moved.location], [301, undefined])
  }
})

test('without Host only a configuration that has but one virtual host, for "*", takes a request', () => {
  const route = { ...to(), ...respond('x') }
  const request = { headers: [PROTO, ['connection', 'host']] } as const
  assert.is(answered(asked(route, request), 'x-q'), 'x')
  assert.is(answered(asked(route, request, {}, { domains: ['a.com', '*'] }), 'x-q'), undefined)
})

test('max_stream_duration is told as soon as a gRPC request has its route', () => {
  const stream = { max_stream_duration: { max_stream_duration: '200s' } }
  const grpc: Headers = [['content-type', 'application/grpc']]
  const missing = { route: { cluster_header: 'x-n', ...stream }, ...respond('%REQ(grpc-timeout)%') }
  assert.is(answered(asked(missing, { headers: grpc }), 'x-q'), '200000m')
  assert.is(answered(asked(missing, {}), 'x-q'), undefined)
  const http_filters = [
    {
      name: 'fault',
      typed_config: { '@type': `${FILTERS}.fault.v3.HTTPFault`, abort: { http_status: 418, percentage: { numerator: 100 } } },
    },
  ]
  assert.is(answered(asked({ ...to(stream), ...respond('%REQ(grpc-timeout)%') }, { headers: grpc }, { http_filters }), 'x-q'), '200000m')
})

test('a CONNECT that a rewrite gives a path cannot be sent, unless it ends at the proxy', () => {
  const connect = (route: JsonObject, upgrade = 'CONNECT', headers: Headers = []) =>
    asked(
      { match: { connect_matcher: {} }, route: { cluster: 'c0', ...route } },
      { method: 'CONNECT', path: 'a.com:80', headers: [PROTO, ...headers] },
      { upgrade_configs: [{ upgrade_type: upgrade }], local_reply_config: {} },
    )
  const missing = [503, 'missing required header: :protocol']
  const regex = (text: string) => ({ regex_rewrite: { pattern: { regex: text }, substitution: '/b' } })
  const other: Headers = [
    ['connection', 'upgrade'],
    ['upgrade', 'websocket'],
  ]
  for (const rewrite of [{ prefix_rewrite: '/x' }, { path_rewrite: '/x' }, regex('^')]) {
    const { status, body } = connect(rewrite)
    assert.equal([status, body], missing)
    const upgraded = connect(rewrite, 'websocket', other)
    assert.equal([upgraded.status, upgraded.body], missing)
  }
  const ending = (upgrade_type: string) => ({ prefix_rewrite: '/x', upgrade_configs: [{ upgrade_type, connect_config: {} }] })
  for (const sent of [{}, regex('a'), ending('CONNECT'), ending('CONNECT-UDP')]) assert.is(connect(sent).outcome, 'cluster')
})

test.run()
