import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { HeaderPair, RequestLine } from '../http/request.ts'
import { askRoute } from '../../scripts/kit/ask-route.ts'

type Json = Readonly<Record<string, unknown>>
const add = (key: string, value: string, more: Json = {}): Json => ({ header: { key, value }, ...more })

/** headers that the upstream sees, apart from those that Envoy adds to each request */
function upstream(
  levels: { readonly route?: Json; readonly host?: Json; readonly whole?: Json; readonly action?: Json },
  request: Partial<RequestLine> = {},
) {
  const ask = askRoute({
    ...levels.whole,
    virtual_hosts: [
      {
        name: 'v',
        domains: ['*'],
        ...levels.host,
        routes: [{ name: 'r', match: { prefix: '/' }, route: { cluster: 'c', timeout: '0s', ...levels.action }, ...levels.route }],
      },
    ],
  })
  return ask(request).requestHeaders?.filter(([name]) => name !== 'x-forwarded-proto')
}

const given: readonly HeaderPair[] = [['x-a', '1']]

test('append, add if absent, overwrite', () => {
  const one = (append_action: string) =>
    upstream(
      { route: { request_headers_to_add: [add('x-a', '2', { append_action }), add('x-b', '3', { append_action })] } },
      { headers: given },
    )
  assert.equal(one('APPEND_IF_EXISTS_OR_ADD'), [
    ['x-a', '1'],
    ['x-a', '2'],
    ['x-b', '3'],
  ])
  assert.equal(one('ADD_IF_ABSENT'), [
    ['x-a', '1'],
    ['x-b', '3'],
  ])
  assert.equal(one('OVERWRITE_IF_EXISTS_OR_ADD'), [
    ['x-a', '2'],
    ['x-b', '3'],
  ])
  assert.equal(one('OVERWRITE_IF_EXISTS'), [['x-a', '2']])
})

test('the deprecated append counts where it is set', () => {
  assert.equal(upstream({ route: { request_headers_to_add: [add('x-a', '2', { append: false })] } }, { headers: given }), [['x-a', '2']])
  assert.equal(upstream({ route: { request_headers_to_add: [add('x-a', '2', { append: true })] } }, { headers: given }), [
    ['x-a', '1'],
    ['x-a', '2'],
  ])
})

test('removals come first, and values are computed before any is set', () => {
  const route = { request_headers_to_remove: ['X-A'], request_headers_to_add: [add('x-b', '[%REQ(x-a)%]'), add('x-a', 'new')] }
  assert.equal(upstream({ route }, { headers: given }), [
    ['x-b', '[]'],
    ['x-a', 'new'],
  ])
})

test('empty values are dropped unless they are kept', () => {
  const route = { request_headers_to_add: [add('x-b', '%REQ(x-none)%'), add('x-c', '', { keep_empty_value: true })] }
  assert.equal(upstream({ route }), [['x-c', '']])
})

test('route, then virtual host, then route configuration; the other way round on wish', () => {
  const set = (value: string) => ({ request_headers_to_add: [add('x-a', value, { append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' })] })
  const levels = { route: set('route'), host: set('host'), whole: set('whole') }
  assert.equal(upstream(levels), [['x-a', 'whole']])
  assert.equal(upstream({ ...levels, whole: { ...levels.whole, most_specific_header_mutations_wins: true } }), [['x-a', 'route']])
})

test('the weighted cluster is first, and its host is seen by the levels behind it', () => {
  const weighted_clusters = {
    clusters: [{ name: 'c', weight: 1, host_rewrite_literal: 'w', request_headers_to_add: [add('x-a', '%REQ(:AUTHORITY)%')] }],
  }
  const route = { route: { weighted_clusters, timeout: '0s' }, request_headers_to_add: [add('x-b', '%REQ(:AUTHORITY)%')] }
  assert.equal(upstream({ route }), [
    ['x-a', 'a.com'],
    ['x-b', 'w'],
  ])
})

test('a repeated inline header is joined', () => {
  assert.equal(upstream({ route: { request_headers_to_add: [add('user-agent', 'b')] } }, { headers: [['User-Agent', 'a']] }), [
    ['user-agent', 'a,b'],
  ])
})

test('formats see the path before it is rewritten', () => {
  const found = upstream(
    { action: { prefix_rewrite: '/new' }, route: { request_headers_to_add: [add('x-p', '%REQ(:PATH)%:%PROTOCOL%')] } },
    { path: '/old' },
  )
  assert.equal(found, [
    ['x-p', '/old:HTTP/1.1'],
    ['x-envoy-original-path', '/old'],
  ])
})

test('a request without body whose method may have one says so', () => {
  const has = (method: string) => upstream({}, { method })?.some(([name, value]) => name === 'content-length' && value === '0')
  for (const method of ['POST', 'PUT', 'PATCH', 'OPTIONS', 'PURGE']) assert.ok(has(method), method)
  for (const method of ['GET', 'HEAD', 'DELETE']) assert.not(has(method), method)
})

test.run()
