/** Where the interpreter once differed from Envoy: each case is what a random one came down to, with what Envoy 1.40 does. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../oracle/envoy.ts'
import { errorsOf } from './ask-interpreter.ts'
import { answered, decide, respond, sent, to } from './decide-case.ts'
import type { RoutingRequest } from './routing-case.ts'

const FILTERS = 'type.googleapis.com/envoy.extensions.filters.http'

test('a length counts bytes, also where it cuts a character', () => {
  assert.is(answered(decide({ ...to(), ...respond('%REQ(x-a):1%') }, { headers: [['x-a', '\u00e9']] }), 'x-q'), '\u00c3')
})

test('raw_value counts for nothing', () => {
  const added = [{ header: { key: 'x-q', raw_value: 'cGxhaW4=' }, keep_empty_value: true }]
  assert.is(answered(decide({ ...to(), response_headers_to_add: added }), 'x-q'), '')
})

test('headers that are inline in responses are joined, others are not', () => {
  const twice = (key: string): JsonObject => ({ response_headers_to_add: ['1', '2'].map((value) => ({ header: { key, value } })) })
  assert.equal(decide({ ...to(), ...twice('etag') }).responseHeaders, [['etag', '1,2']])
  assert.equal(decide({ ...to(), ...twice('accept') }).responseHeaders, [
    ['accept', '1'],
    ['accept', '2'],
  ])
})

test('metadata of routes and virtual hosts, bytes of headers, queries', () => {
  const metadata = { filter_metadata: { m: { k: 'meta', n: 7, o: { p: true } } } }
  const format =
    '%METADATA(ROUTE:m:k)%|%METADATA(ROUTE:m:o:p)%|%METADATA(VIRTUAL_HOST:m:n)%|%METADATA(CLUSTER:m:k)%|%CLUSTER_METADATA(m:k)%'
  assert.is(answered(decide({ ...to(), metadata, ...respond(format) }, {}, { host: { metadata } }), 'x-q'), 'meta|true|7|c0|c0')
  // 7 + 3, 5 + 2, 10 + 5, 7 + 4 and x-forwarded-proto: http
  assert.is(answered(decide({ direct_response: { status: 200 }, ...respond('%REQUEST_HEADERS_BYTES%') }), 'x-q'), '64')
  const queries = decide(
    { ...to(), ...respond('%QUERY_PARAM(k)%|%QUERY_PARAMS(ORIG)%|%QUERY_PARAMS(DECODED)%') },
    { path: '/a?k=a%20%2f&%zz' },
  )
  assert.is(answered(queries, 'x-q'), 'a /|k=a%20%2f&%zz|k=a%20/&zz')
})

test('an original path that a redirect has rewritten is seen by formats', () => {
  const redirect = {
    redirect: { prefix_rewrite: '/n', host_redirect: 'b.com' },
    match: { prefix: '/a' },
    ...respond('%PATH(WQ)%|%REQ(:PATH)%'),
  }
  assert.is(answered(decide(redirect, { path: '/a/b' }), 'x-q'), '/a/b|/n/b')
})

test('CONNECT has no path', () => {
  const request = { method: 'CONNECT', authority: 'a.com:80', path: 'a.com:80' }
  assert.is(decide(to(), request).outcome, 'no_route')
  const connect = { match: { connect_matcher: {} } }
  assert.is(decide({ ...connect, ...to() }, request).reason, 'upgrade_failed')
  assert.is(decide({ match: { connect_matcher: {}, headers: [{ name: ':path' }] }, ...to() }, request).outcome, 'no_route')
  const upgrade = { upgrade_configs: [{ upgrade_type: 'CONNECT' }], host_rewrite_literal: 'b.com:1' }
  assert.is(decide({ ...connect, ...to(upgrade) }, request).path, 'b.com:1')
  const both: RoutingRequest['headers'] = [
    ['connection', 'upgrade'],
    ['upgrade', 'other'],
  ]
  assert.is(decide({ ...connect, ...to(upgrade) }, { ...request, headers: both }).reason, 'upgrade_failed')
})

test('an upgrade that is refused: with the headers of a route that forwards, and as gRPC is answered', () => {
  const headers: RoutingRequest['headers'] = [
    ['connection', 'upgrade'],
    ['upgrade', 'websocket'],
  ]
  const refused = decide({ ...to(), ...respond('x') }, { headers })
  assert.equal([refused.status, refused.reason, answered(refused, 'x-q')], [403, 'upgrade_failed', 'x'])
  assert.is(answered(decide({ direct_response: { status: 200 }, ...respond('x') }, { headers }), 'x-q'), undefined)
  const grpc = decide(to(), { headers: [...headers, ['content-type', 'application/grpc']] })
  assert.equal([grpc.status, answered(grpc, 'grpc-status')], [200, '7'])
  const tls = decide(to(), { headers }, { host: { require_tls: 'ALL' } })
  assert.equal([tls.status, tls.reason], [403, 'upgrade_failed'])
})

test('a path that is refused is answered to gRPC as gRPC, with the headers of a route that is found nevertheless', () => {
  const grpc = decide(to(), { path: '/a#f', headers: [['content-type', 'application/grpc']] })
  assert.equal([grpc.status, answered(grpc, 'grpc-status'), grpc.reason], [200, '13', 'path_normalization_failed'])
  const route = { ...to(), ...respond('x') }
  assert.is(answered(decide(route, { path: '/a#f' }), 'x-q'), undefined)
  assert.is(answered(decide(route, { path: '/a#f', headers: [['x-forwarded-proto', 'http']] }), 'x-q'), 'x')
})

test('headers that the codec or the connection manager takes', () => {
  assert.is(sent(decide(to(), { headers: [['expect', '100-continue']] }), 'expect'), undefined)
  assert.is(sent(decide(to(), { headers: [['te', '']] }), 'te'), '')
  const rows: readonly (readonly [referer: string, kept: boolean])[] = [
    ['http://a.com/x', true],
    ['/x', true],
    ['a,b', true],
    ['', true],
    ['ftp://a.com', true],
    ['\u00e9', false],
    ['a b', false],
    ['http://', false],
    ['http:a.com', false],
    ['"q"', false],
  ]
  for (const [referer, kept] of rows)
    assert.is(sent(decide(to(), { headers: [['referer', referer]] }), 'referer') !== undefined, kept, referer)
})

test('rewriting the host: pseudo headers, spaces, nothing there before', () => {
  assert.is(decide(to({ host_rewrite_header: ':path' })).authority, '/a')
  assert.is(decide(to({ host_rewrite: 'x ' })).authority, 'x')
  assert.is(sent(decide(to({ host_rewrite_literal: 'b' }), { authority: '' }), 'x-envoy-original-host'), undefined)
})

test('the client that x-forwarded-for names', () => {
  const route = { ...to(), ...respond('%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%') }
  assert.is(answered(decide(route, { headers: [['x-forwarded-for', '9.9.9.9']] }), 'x-q'), '9.9.9.9')
  assert.is(answered(decide(route, { headers: [['x-forwarded-for', 'junk']] }), 'x-q'), '127.61.0.9')
  const given = (text: string): string | undefined => answered(decide(route, { headers: [['x-forwarded-for', text]] }), 'x-q')
  assert.is(given('junk, 9.9.9.9'), '9.9.9.9')
  assert.is(given('9.9.9.9, junk'), '127.61.0.9')
  assert.is(given('FD00:0::1'), 'fd00::1')
})

test('a cluster that is not there has no name in formats, and its answer has a flag', () => {
  const route = { route: { cluster_header: 'x-c' }, ...respond('%UPSTREAM_CLUSTER%%RESPONSE_FLAGS%') }
  assert.is(answered(decide(route, { headers: [['x-c', 'missing']] }), 'x-q'), 'NC')
})

test('filters: what a virtual host says needs a route; answers have the headers of routes that forward', () => {
  const fault = (http_status: number): JsonObject => ({
    '@type': `${FILTERS}.fault.v3.HTTPFault`,
    abort: { http_status, percentage: { numerator: 100 } },
  })
  const hcm = { http_filters: [{ name: 'fault', typed_config: fault(503) }] }
  const host = { typed_per_filter_config: { fault: fault(429) } }
  assert.is(decide(to(), {}, { hcm, host }).status, 429)
  assert.is(decide({ match: { path: '/x' }, ...to() }, {}, { hcm, host }).status, 503)
  assert.is(answered(decide({ ...to(), ...respond('x') }, {}, { hcm }), 'x-q'), 'x')
  assert.is(answered(decide({ redirect: { path_redirect: '/' }, ...respond('x') }, {}, { hcm }), 'x-q'), undefined)
})

test('local_ratelimit: what it adds to its answers is formatted, behind what the route adds; its status, and what gRPC is told', () => {
  const limit = (more: JsonObject): JsonObject => {
    const all = { default_value: { numerator: 100 } }
    const token_bucket = { max_tokens: 0, tokens_per_fill: 1, fill_interval: '60s' }
    const typed_config = {
      '@type': `${FILTERS}.local_ratelimit.v3.LocalRateLimit`,
      stat_prefix: 'l',
      token_bucket,
      filter_enabled: all,
      filter_enforced: all,
      ...more,
    }
    return { hcm: { http_filters: [{ name: 'l', typed_config }] } }
  }
  const added = {
    response_headers_to_add: [{ header: { key: 'x-q', value: '%RESPONSE_CODE%|%REQ(x-a)%|%UPSTREAM_CLUSTER%|%RESP(x-q)%' } }],
  }
  const limited = decide({ ...to(), ...respond('route') }, { headers: [['x-a', 'a']] }, limit(added))
  assert.equal(
    limited.responseHeaders?.filter(([name]) => name === 'x-q').map(([, value]) => value),
    ['route', '0|a|c0|'],
  )
  const told = (code: string, more: JsonObject = {}, headers: RoutingRequest['headers'] = []) => {
    const decision = decide(to(), { headers }, limit({ status: { code }, ...more }))
    return decision.responseHeaders?.find(([name]) => name === 'grpc-status')?.[1] ?? decision.status
  }
  assert.equal([told('NotFound'), told('OK'), told('Forbidden')], [404, 429, 403])
  const grpc: RoutingRequest['headers'] = [['content-type', 'application/grpc']]
  assert.equal([told('Forbidden', {}, grpc), told('Forbidden', { rate_limited_as_resource_exhausted: true }, grpc)], ['7', '8'])
})

test('cors: what a route does not say its virtual host does', () => {
  const policy = (fields: JsonObject): JsonObject => ({
    typed_per_filter_config: { cors: { '@type': `${FILTERS}.cors.v3.CorsPolicy`, ...fields } },
  })
  const hcm = { http_filters: [{ name: 'cors', typed_config: { '@type': `${FILTERS}.cors.v3.Cors` } }] }
  const host = policy({ allow_origin_string_match: [{ exact: '*' }], expose_headers: 'x-c', allow_headers: '*' })
  const request = {
    method: 'OPTIONS',
    headers: [
      ['origin', 'http://b'],
      ['access-control-request-method', 'PUT'],
    ],
  } as const
  const decision = decide({ ...to(), ...policy({ max_age: '5' }) }, request, { hcm, host })
  assert.equal(decision.responseHeaders, [
    ['access-control-allow-origin', 'http://b'],
    ['access-control-allow-headers', ''],
    ['access-control-max-age', '5'],
    ['access-control-expose-headers', 'x-c'],
  ])
})

test('what Envoy refuses, and takes', () => {
  const errors = (route: JsonObject): readonly string[] =>
    errorsOf({
      id: 'case',
      route_config: { name: 'rc', virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, ...route }] }] },
      requests: [],
    })
  assert.match(errors(to({ path_rewrite: '/x', prefix_rewrite: '/y' })).join(), 'KM2011')
  assert.match(errors(to({ path_rewrite: '/%REQ%' })).join(), 'KM2007')
  const template = (path_template: string): JsonObject => ({
    match: {
      path_match_policy: {
        name: 'm',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', path_template },
      },
    },
    ...to(),
  })
  for (const taken of ['/{a}.txt', '/x{a}', '/***', '/a**', '/{a=**/b}/x']) assert.equal(errors(template(taken)), [], taken)
  for (const refused of ['/**/{a}', '/{a=**}/*', '/*.html/x', '/{a}-{b}', '/{a}{b}', '/***/a'])
    assert.match(errors(template(refused)).join(), 'KM2027', refused)
})

test('addresses are internal as internal_address_config says; one without ranges means private networks', () => {
  const internal = (client: string, config: JsonObject): string | undefined => {
    const hcm = { internal_address_config: config }
    return sent(decide(to(), { headers: [['x-forwarded-for', client]] }, { hcm }), 'x-envoy-internal')
  }
  const inside = ['10.1.2.3', '192.168.0.1', '172.16.0.1', '127.0.0.1', '::1', 'fd00::1']
  for (const client of inside) assert.is(internal(client, {}), 'true', client)
  for (const client of ['9.9.9.9', '127.0.0.2', 'fe80::1', 'fc00::2', '10.1.2.3, 10.1.2.3'])
    assert.is(internal(client, {}), undefined, client)
  const ranges = { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] }
  assert.equal([internal('10.1.2.3', ranges), internal('127.0.0.1', ranges)], ['true', undefined])
})

test('the head: size, number of headers, underscores', () => {
  const limits = (more: JsonObject): JsonObject => ({ hcm: more })
  const sized = (length: number) =>
    decide(to(), { path: '/', authority: 'a', headers: [['x-a', 'a'.repeat(length)]] }, limits({ max_request_headers_kb: 1 }))
  assert.is(sized(990).outcome, 'cluster')
  assert.equal([sized(991).status, sized(991).reason, sized(991).body], [431, 'http1.headers_too_large', 'Request Header Fields Too Large'])
  const counted = (headers: RoutingRequest['headers']) =>
    decide(to(), { headers }, limits({ common_http_protocol_options: { max_headers_count: 2 } })).reason
  assert.is(counted([['x-a', '1']]), 'via_upstream')
  assert.is(
    counted([
      ['x-forwarded-for', '1'],
      ['x-forwarded-for', '2'],
    ]),
    'via_upstream',
  )
  assert.is(
    counted([
      ['x-a', '1'],
      ['x-b', '2'],
    ]),
    'http1.too_many_headers',
  )
  const under = (headers_with_underscores_action: string) =>
    decide(to(), { headers: [['x_a', '1']] }, limits({ common_http_protocol_options: { headers_with_underscores_action } }))
  assert.equal([under('REJECT_REQUEST').status, under('REJECT_REQUEST').reason], [400, 'http1.unexpected_underscore'])
  assert.is(sent(under('DROP_HEADER'), 'x_a'), undefined)
  assert.is(sent(under('ALLOW'), 'x_a'), '1')
})

test('local_reply_config: the first mapper that takes the answer, then the format', () => {
  const status = (op: string, default_value: number): JsonObject => ({
    status_code_filter: { comparison: { op, value: { default_value, runtime_key: 'k' } } },
  })
  const hcm = {
    local_reply_config: {
      mappers: [
        {
          filter: status('EQ', 301),
          body: { inline_string: 'moved' },
          headers_to_add: [{ header: { key: 'x-m', value: '%RESPONSE_CODE%' } }],
        },
        {
          filter: { response_flag_filter: { flags: ['NR'] } },
          status_code: 410,
          body_format_override: { json_format: { b: '%LOCAL_REPLY_BODY%', s: '%RESPONSE_CODE%' } },
        },
      ],
      body_format: { text_format: '<%LOCAL_REPLY_BODY%>', content_type: 'text/html' },
    },
  }
  const moved = decide({ redirect: { path_redirect: '/x' } }, {}, { hcm })
  assert.equal(
    [moved.status, moved.location, moved.body, answered(moved, 'x-m'), answered(moved, 'content-type')],
    [301, 'http://a.com/x', '<moved>', '301', 'text/html'],
  )
  const nowhere = decide({ match: { path: '/no' }, ...to() }, {}, { hcm })
  assert.equal(
    [nowhere.outcome, nowhere.status, nowhere.body, answered(nowhere, 'content-type')],
    ['no_route', 410, '{"b":"","s":410}\n', 'application/json'],
  )
  const direct = decide({ direct_response: { status: 200, body: { inline_string: 'hi' } } }, {}, { hcm })
  assert.equal([direct.status, direct.body], [200, '<hi>'])
  assert.is(decide(to(), {}, { hcm }).outcome, 'cluster')
})

test('early header mutations, and who the client is by a header', () => {
  const HTTP = 'type.googleapis.com/envoy.extensions.http'
  const early = (...mutations: readonly JsonObject[]): JsonObject => ({
    hcm: {
      early_header_mutation_extensions: [
        { name: 'm', typed_config: { '@type': `${HTTP}.early_header_mutation.header_mutation.v3.HeaderMutation`, mutations } },
      ],
    },
  })
  const put: JsonObject = { append: { header: { key: 'x-b', value: '%REQ(x-a)%' } } }
  const matched = { match: { prefix: '/', headers: [{ name: 'x-b', string_match: { exact: '1' } }] }, ...to() }
  assert.is(decide(matched, { headers: [['x-a', '1']] }, early(put, { remove: 'x-a' })).outcome, 'cluster')
  assert.is(sent(decide(matched, { headers: [['x-a', '1']] }, early(put, { remove: 'x-a' })), 'x-a'), undefined)
  const by = (more: JsonObject): JsonObject => ({
    hcm: {
      original_ip_detection_extensions: [
        {
          name: 'd',
          typed_config: { '@type': `${HTTP}.original_ip_detection.custom_header.v3.CustomHeaderConfig`, header_name: 'x-c', ...more },
        },
      ],
    },
  })
  const client = { ...to(), ...respond('%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%') }
  assert.is(answered(decide(client, { headers: [['x-c', '9.9.9.9']] }, by({})), 'x-q'), '9.9.9.9')
  const refused = decide(client, {}, by({ reject_with_status: { code: 'NotFound' } }))
  assert.equal([refused.status, refused.reason], [404, 'rejecting_because_detection_failed'])
})

test('proxies that are trusted by address: the first one that is not, or nobody where something is no address', () => {
  const typed_config = {
    '@type': 'type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig',
    xff_trusted_cidrs: { cidrs: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] },
  }
  const hcm = { original_ip_detection_extensions: [{ name: 'x', typed_config }], internal_address_config: {} }
  const seen = (forwarded: string) => {
    const decision = decide(
      { ...to(), ...respond('%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%') },
      { headers: [['x-forwarded-for', forwarded]] },
      { hcm },
    )
    return [answered(decision, 'x-q'), sent(decision, 'x-envoy-internal')]
  }
  assert.equal(seen('10.1.2.3'), ['10.1.2.3', 'true'])
  assert.equal(seen('127.0.0.1'), ['127.0.0.1', 'true'])
  assert.equal(seen('9.9.9.9, 10.1.2.3, 127.0.0.2'), ['10.1.2.3', undefined])
  assert.equal(seen('127.0.0.3,127.0.0.2'), ['127.0.0.3', undefined])
  for (const broken of ['10.1.2.3,', 'junk, 127.0.0.1', '10.1.2.3,,127.0.0.1'])
    assert.equal(seen(broken), ['127.61.0.9', undefined], broken)
})

test('the router: headers that it keeps to itself, and those it wants right', () => {
  const router = (more: JsonObject): JsonObject => ({
    hcm: {
      internal_address_config: {},
      http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': `${FILTERS}.router.v3.Router`, ...more } }],
    },
  })
  const quiet = decide(to({ prefix_rewrite: '/n', host_rewrite_literal: 'h' }), {}, router({ suppress_envoy_headers: true }))
  assert.equal(quiet.requestHeaders, [['x-forwarded-proto', 'http']])
  const redirect = { redirect: { prefix_rewrite: '/n' }, ...respond('[%REQ(x-envoy-original-path)%]') }
  assert.is(answered(decide(redirect, {}, router({ suppress_envoy_headers: true })), 'x-q'), '[]')
  assert.is(answered(decide(redirect, {}, router({})), 'x-q'), '[/a]')
  const strict = router({ strict_check_headers: ['x-envoy-max-retries'] })
  const asked = (value: string) =>
    decide(
      to(),
      {
        headers: [
          ['x-forwarded-for', '10.0.0.1'],
          ['x-envoy-max-retries', value],
        ],
      },
      strict,
    )
  assert.equal(
    [asked('a').status, asked('a').reason, asked('a').body],
    [400, 'request_headers_failed_strict_check{x-envoy-max-retries}', "invalid header 'x-envoy-max-retries' with value 'a'"],
  )
  assert.is(asked('3').outcome, 'cluster')
  // the router looks at them once there is a cluster
  assert.is(
    decide(
      { direct_response: { status: 200 } },
      {
        headers: [
          ['x-forwarded-for', '10.0.0.1'],
          ['x-envoy-max-retries', 'a'],
        ],
      },
      strict,
    ).status,
    200,
  )
})

test('a via is written into answers, too', () => {
  assert.equal(decide(to(), {}, { hcm: { via: 'mesh' } }).responseHeaders, [['via', 'mesh']])
})

test.run()
