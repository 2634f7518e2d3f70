import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RequestLine } from '../http/request.ts'
import { askRoute } from '../../scripts/kit/ask-route.ts'

type Json = Readonly<Record<string, unknown>>

function answer(route: Json, request: Partial<RequestLine> = {}, host: Json = {}) {
  return askRoute({ virtual_hosts: [{ name: 'v', domains: ['*'], ...host, routes: [{ name: 'r', match: { prefix: '/p' }, ...route }] }] })({
    path: '/p',
    ...request,
  })
}
const redirect = (action: Json, request: Partial<RequestLine> = {}): string | undefined => answer({ redirect: action }, request).location
const grpc = { headers: [['content-type', 'application/grpc']] } as const

test('Location keeps what the redirect does not name', () => {
  assert.is(redirect({}, { path: '/p?q=1', authority: 'a.com:81' }), 'http://a.com:81/p?q=1')
  assert.is(redirect({ host_redirect: 'b' }, { path: '/p?q' }), 'http://b/p?q')
  assert.is(redirect({ scheme_redirect: 'foo' }), 'foo://a.com/p')
  assert.is(redirect({ port_redirect: 99 }, { authority: 'a.com:80' }), 'http://a.com:99/p')
  assert.is(redirect({ host_redirect: 'n:99', port_redirect: 1 }), 'http://n:99:1/p')
})

test('a default port goes with its scheme', () => {
  assert.is(redirect({ https_redirect: true }, { authority: 'a.com:80' }), 'https://a.com/p')
  assert.is(redirect({ https_redirect: true }, { authority: '[::1]:80' }), 'https://[::1]/p')
  assert.is(redirect({ https_redirect: true }, { authority: 'a.com:8080' }), 'https://a.com:8080/p')
  assert.is(redirect({}, { authority: 'a.com:80' }), 'http://a.com:80/p')
})

test('paths of redirects', () => {
  assert.is(redirect({ path_redirect: '/n' }, { path: '/p?q=1' }), 'http://a.com/n?q=1')
  assert.is(redirect({ path_redirect: '/n?x', strip_query: true }, { path: '/p?q=1' }), 'http://a.com/n?x')
  assert.is(redirect({ path_redirect: '/n', strip_query: true }, { path: '/p?q=1' }), 'http://a.com/n')
  assert.is(redirect({ prefix_rewrite: '/n' }, { path: '/p/x?q=1' }), 'http://a.com/n/x?q=1')
  assert.is(
    redirect({ regex_rewrite: { pattern: { regex: '^/(.*)$' }, substitution: '/r/\\1' } }, { path: '/p/x?q' }),
    'http://a.com/r/p/x?q',
  )
})

test('codes of redirects, 301 when none is named', () => {
  assert.is(answer({ redirect: {} }).status, 301)
  assert.is(answer({ redirect: { response_code: 'PERMANENT_REDIRECT' } }).status, 308)
  assert.is(answer({ redirect: { response_code: 'SEE_OTHER' } }).outcome, 'redirect')
})

test('require_tls keeps the port and looks at x-forwarded-proto', () => {
  const found = answer({ route: { cluster: 'c' } }, { authority: 'a.com:80' }, { require_tls: 'ALL' })
  assert.equal([found.outcome, found.status, found.location], ['redirect', 301, 'https://a.com:80/p'])
  assert.is(answer({ route: { cluster: 'c' } }, { headers: [['x-forwarded-proto', 'https']] }, { require_tls: 'ALL' }).outcome, 'cluster')
})

test('a direct response has its body and, with some codes, a Location', () => {
  const direct = (status: number, request: Partial<RequestLine> = {}) =>
    answer({ direct_response: { status, body: { inline_string: 'b' } } }, request)
  assert.equal([direct(418).body, direct(418).location, direct(418).status], ['b', undefined, 418])
  for (const status of [201, 301, 302, 304]) assert.is(direct(status).location, 'http://a.com/p', String(status))
  assert.is(direct(304).body, '')
  assert.is(direct(200, { method: 'HEAD' }).body, '')
  assert.equal(direct(200).responseHeaders, [['content-type', 'text/plain']])
  assert.is(answer({ direct_response: { status: 200, body: { inline_bytes: 'aGk=' } } }).body, 'hi')
})

test('gRPC gets 200 with grpc-status', () => {
  const found = answer({ direct_response: { status: 403, body: { inline_string: 'n%o' } } }, grpc)
  assert.equal([found.status, found.body], [200, ''])
  assert.equal(found.responseHeaders, [
    ['content-type', 'application/grpc'],
    ['grpc-status', '7'],
    ['grpc-message', 'n%25o'],
  ])
  const nowhere = answer({ direct_response: { status: 200 } }, { ...grpc, path: '/other' })
  assert.equal([nowhere.outcome, nowhere.status, nowhere.responseHeaders?.[1]], ['no_route', 200, ['grpc-status', '12']])
})

test('bodies of formats', () => {
  const body = (body_format: Json, text = 'b"') => answer({ direct_response: { status: 503, body: { inline_string: text }, body_format } })
  assert.is(body({ text_format: '%LOCAL_REPLY_BODY% %RESPONSE_CODE% %REQ(x)%' }).body, 'b" 0 -')
  assert.is(body({ text_format: 'x%REQ(x)%', omit_empty_values: true }).body, 'x')
  assert.is(body({ text_format_source: { inline_string: 'from %ROUTE_NAME%' } }).body, 'from r')
  const json = { b: '%LOCAL_REPLY_BODY%', a: '%RESPONSE_CODE%', n: '%REQ(x)%', m: '%REQ(x)%y', l: [1, '%PROTOCOL%'], o: { k: '%REQ(x)%' } }
  assert.is(body({ json_format: json }).body, '{"a":0,"b":"b\\"","l":[1,"HTTP/1.1"],"m":"-y","n":null,"o":{"k":null}}\n')
  assert.is(body({ json_format: json, omit_empty_values: true }).body, '{"a":0,"b":"b\\"","l":[1,"HTTP/1.1"],"m":"y"}\n')
  assert.equal(body({ json_format: {} }).responseHeaders, [['content-type', 'application/json']])
  assert.equal(body({ json_format: {}, content_type: 'a/b' }).responseHeaders, [['content-type', 'a/b']])
})

test('a body that is not in the snapshot is named', () => {
  const found = answer({ direct_response: { status: 200, body: { filename: '/etc/page' } } })
  assert.match(found.reason, /the file "\/etc\/page"/)
})

test('response headers of the route are added to every answer under it', () => {
  const headers = { response_headers_to_add: [{ header: { key: 'x-code', value: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%' } }] }
  assert.equal(answer({ direct_response: { status: 500 }, ...headers }).responseHeaders, [['x-code', '0 direct_response']])
  assert.equal(answer({ non_forwarding_action: {}, ...headers }).responseHeaders, [['x-code', '0 cluster_not_found']])
  const forwarded = answer({ route: { cluster: 'c' }, ...headers }).responseHeaders
  assert.equal(forwarded, [['x-code', '%RESPONSE_CODE% via_upstream']], 'nobody knows what the upstream will say')
})

test('no cluster: 503, or what the route says', () => {
  assert.equal([answer({ non_forwarding_action: {} }).outcome, answer({ non_forwarding_action: {} }).status], ['no_cluster', 503])
  const missing = answer({ route: { cluster_header: 'x-c', cluster_not_found_response_code: 'NOT_FOUND' } })
  assert.equal([missing.outcome, missing.status], ['no_cluster', 404])
})

test.run()
