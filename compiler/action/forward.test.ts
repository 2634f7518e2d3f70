import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Decision } from '../http/model.ts'
import type { HeaderPair, RequestLine } from '../http/request.ts'
import { askRoute } from '../../scripts/kit/ask-route.ts'

type Json = Readonly<Record<string, unknown>>

function forward(action: Json, request: Partial<RequestLine> = {}, match: Json = { prefix: '/p' }): Decision {
  return askRoute({ virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match, route: { cluster: 'c', ...action } }] }] })({
    path: '/p/x?q=1',
    ...request,
  })
}
const header = (decision: Decision, wanted: string): string | undefined => decision.requestHeaders?.find(([name]) => name === wanted)?.[1]

test('prefix_rewrite replaces what matched and keeps the query', () => {
  assert.is(forward({ prefix_rewrite: '/n' }).path, '/n/x?q=1')
  assert.is(forward({ prefix_rewrite: '/' }, { path: '/a/b' }, { path_separated_prefix: '/a' }).path, '//b')
  assert.is(forward({ prefix_rewrite: '/n' }, {}, { safe_regex: { regex: '/p/.*' } }).path, '/n?q=1', 'a regex matched the whole path')
  assert.is(header(forward({ prefix_rewrite: '/n' }), 'x-envoy-original-path'), '/p/x?q=1')
})

test('regex_rewrite works on the path without query; nothing is left: nothing happens', () => {
  const rewrite = (regex: string, substitution: string): string | undefined =>
    forward({ regex_rewrite: { pattern: { regex }, substitution } }).path
  assert.is(rewrite('^/(\\w)/(\\w)$', '/\\2/\\1'), '/x/p?q=1')
  assert.is(rewrite('.*', ''), '/p/x?q=1')
  assert.is(rewrite('p', '\\3'), '/p/x?q=1')
})

test('path_rewrite is a format', () => {
  assert.is(forward({ path_rewrite: '/n/%REQ(x-a)%' }, { headers: [['x-a', 'v']] }).path, '/n/v?q=1')
  assert.is(forward({ path_rewrite: '%REQ(x-a)%' }).path, '/p/x?q=1')
})

test('a uri_template is filled from what matched', () => {
  const type = 'type.googleapis.com/envoy.extensions.path'
  const match = {
    path_match_policy: {
      name: 'm',
      typed_config: { '@type': `${type}.match.uri_template.v3.UriTemplateMatchConfig`, path_template: '/v/{a}/{b=**}' },
    },
  }
  const rewrite = (path_template_rewrite: string): Json => ({
    path_rewrite_policy: {
      name: 'r',
      typed_config: { '@type': `${type}.rewrite.uri_template.v3.UriTemplateRewriteConfig`, path_template_rewrite },
    },
  })
  assert.is(forward(rewrite('/{b}/{a}'), { path: '/v/1/2/3?q' }, match).path, '/2/3/1?q')
})

test('host rewrites, and what they leave behind', () => {
  const host = (action: Json, headers: readonly HeaderPair[] = []): string | undefined => forward(action, { headers }).authority
  assert.is(host({ host_rewrite_literal: 'l' }), 'l')
  assert.is(
    host({ host_rewrite_header: 'X-H' }, [
      ['x-h', 'h1'],
      ['x-h', 'h2'],
    ]),
    'h1',
  )
  assert.is(host({ host_rewrite_header: 'x-h' }), 'a.com')
  assert.is(host({ host_rewrite_path_regex: { pattern: { regex: '^/(\\w+)/.*$' }, substitution: '\\1.ex' } }), 'p.ex')
  assert.is(host({ host_rewrite: '%REQ(x-h)%.ex' }, [['x-h', 'h']]), 'h.ex')
  assert.is(host({ host_rewrite: '%REQ(x-h)%' }), '-', 'an absent value of this format is "-"')
  assert.is(header(forward({ host_rewrite_literal: 'l' }), 'x-envoy-original-host'), 'a.com')
})

test('x-forwarded-host is appended once', () => {
  const forwarded = (headers: readonly HeaderPair[]): string | undefined =>
    header(forward({ host_rewrite_literal: 'l', append_x_forwarded_host: true }, { headers }), 'x-forwarded-host')
  assert.is(forwarded([]), 'a.com')
  assert.is(forwarded([['x-forwarded-host', 'z']]), 'z,a.com')
  assert.is(forwarded([['x-forwarded-host', 'z,a.com']]), 'z,a.com')
})

test('timeouts are told to the upstream', () => {
  const told = (action: Json): string | undefined => header(forward(action), 'x-envoy-expected-rq-timeout-ms')
  assert.is(told({}), '15000')
  assert.is(told({ timeout: '0s' }), undefined)
  assert.is(told({ timeout: '3.5s' }), '3500')
  assert.is(told({ timeout: '3s', retry_policy: { per_try_timeout: '1s' } }), '1000')
})

test('grpc-timeout under max_stream_duration', () => {
  const told = (max_stream_duration: Json, ...timeout: string[]): string | undefined =>
    header(
      forward(
        { max_stream_duration },
        { headers: [['content-type', 'application/grpc'], ...timeout.map((text): HeaderPair => ['grpc-timeout', text])] },
      ),
      'grpc-timeout',
    )
  assert.is(told({ max_stream_duration: '3s' }, '500m'), '3000m')
  assert.is(told({ grpc_timeout_header_max: '2s' }, '100S'), '2000m')
  assert.is(told({ max_stream_duration: '3s', grpc_timeout_header_max: '2s', grpc_timeout_header_offset: '0.1s' }, '500m'), '400m')
  assert.is(told({ grpc_timeout_header_max: '0s' }, '100S'), '100000m')
  assert.is(told({}, '100S'), '100S')
})

test.run()
