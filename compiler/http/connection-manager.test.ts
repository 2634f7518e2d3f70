/** What a connection manager does to requests; every line was tried on Envoy 1.40. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { admit, type ConnectionManager, DEFAULT_CONNECTION_MANAGER } from './connection-manager.ts'
import { normalizePath, type PathSettings } from './path-text.ts'
import type { HeaderPair, HttpRequest, RequestLine } from './request.ts'

function admitted(headers: readonly HeaderPair[], manager: Partial<ConnectionManager> = {}, line: Partial<RequestLine> = {}) {
  return admit({ ...DEFAULT_CONNECTION_MANAGER, ...manager }, { method: 'GET', authority: 'a', path: '/', headers, ...line }, ['x-inside'])
}

const headersOf = (...args: Parameters<typeof admitted>): Record<string, string> =>
  Object.fromEntries(admitted(...args).request.headers.all)

const pathOf = (path: string, settings: Partial<PathSettings>): string => {
  const made = normalizePath({ ...DEFAULT_CONNECTION_MANAGER, ...settings }, path)
  return made.kind === 'refused' ? 'refused' : made.kind === 'redirect' ? `redirect ${made.path}` : made.path
}

test('normalize_path resolves dots, unescapes what needs no escape, and leaves the query', () => {
  const cases: Record<string, string> = {
    '/a/../b': '/b',
    '/a/./b/': '/a/b/',
    '/a/..': '/',
    '/../a': '/a',
    '/%61%7e': '/a~',
    '/a%2fb': '/a%2fb',
    '/a\\b': '/a/b',
    '/%2e%2e/a': '/a',
    '/a?x=/../y': '/a?x=/../y',
    '/a/...': '/a/...',
  }
  for (const [given, wanted] of Object.entries(cases)) assert.is(pathOf(given, { normalizePath: true }), wanted, given)
  assert.is(pathOf('/a%00', { normalizePath: true }), 'refused')
})

test('merge_slashes leaves the query, and "//" as it is', () => {
  assert.is(pathOf('/a//b///?x=//', { mergeSlashes: true }), '/a/b/?x=//')
  assert.is(pathOf('//', { mergeSlashes: true }), '//')
})

test('escaped slashes', () => {
  assert.is(pathOf('/a%2fb?%2f', { escapedSlashes: 'forward' }), '/a/b?%2f')
  assert.is(pathOf('/a%5Cb', { escapedSlashes: 'redirect' }), 'redirect /a\\b')
  assert.is(pathOf('/a%2Fb', { escapedSlashes: 'reject' }), 'refused')
  assert.is(pathOf('/a', { escapedSlashes: 'reject' }), '/a')
})

test('a fragment is refused, or cut off where the feature is off', () => {
  assert.is(pathOf('/a#b', {}), 'refused')
  assert.is(pathOf('/a#b', { rejectFragment: false }), '/a')
})

test('x-forwarded-proto is believed, in any case, when it names a scheme', () => {
  const scheme = (proto: string): string => admitted([['x-forwarded-proto', proto]]).request.scheme
  assert.is(scheme('https'), 'https')
  assert.is(scheme('HTTPS'), 'https')
  assert.is(scheme('ftp'), 'http')
  assert.is(admitted([]).request.scheme, 'http')
  assert.is(headersOf([])['x-forwarded-proto'], 'http')
  assert.is(headersOf([['x-forwarded-proto', 'https']], { useRemoteAddress: true })['x-forwarded-proto'], 'http')
})

test('headers of one hop do not go on', () => {
  const kept = headersOf([
    ['connection', 'x-a, close'],
    ['x-a', '1'],
    ['keep-alive', '5'],
    ['te', 'gzip, trailers'],
    ['upgrade', 'h2c'],
  ])
  assert.equal(kept, { te: 'trailers', 'x-forwarded-proto': 'http' })
})

test('headers that Connection names are gone before early mutations, which may add them again', () => {
  const early = {
    apply({ headers }: HttpRequest): void {
      headers.set('x-b', headers.get('x-a') ?? 'none')
      headers.set('x-a', 'new')
    },
  }
  const kept = headersOf(
    [
      ['connection', 'x-a'],
      ['x-a', '1'],
    ],
    { early },
  )
  assert.equal([kept['x-a'], kept['x-b']], ['new', 'none'])
})

test('connection may not name what Envoy needs', () => {
  for (const name of ['x-forwarded-for', ':path', 'host']) assert.is(admitted([['connection', name]]).kind, 'refused', name)
})

test('only internal requests keep internal headers', () => {
  const internal = { internal: { ranges: [{ prefix: 10n, bits: 8, width: 32 as const }] } }
  const sent: readonly HeaderPair[] = [
    ['x-envoy-max-retries', '3'],
    ['x-inside', '1'],
  ]
  assert.is(headersOf(sent)['x-envoy-max-retries'], undefined)
  assert.is(headersOf(sent)['x-inside'], undefined)
  const kept = headersOf([...sent, ['x-forwarded-for', '10.0.0.1']], internal)
  assert.is(kept['x-envoy-max-retries'], '3')
  assert.is(kept['x-envoy-internal'], 'true')
  for (const forwarded of ['10.0.0.1,10.0.0.2', '8.8.8.8', 'junk', '010.0.0.1'])
    assert.is(headersOf([['x-forwarded-for', forwarded]], internal)['x-envoy-internal'], undefined, forwarded)
})

test('x-forwarded-for grows at the edge', () => {
  const made = headersOf([['x-forwarded-for', '1.1.1.1']], { useRemoteAddress: true }, { source: '10.0.0.7:99' })
  assert.is(made['x-forwarded-for'], '1.1.1.1,10.0.0.7')
  assert.is(made['x-envoy-external-address'], '10.0.0.7')
})

test('a path that is none is refused', () => {
  const refused = admitted([], {}, { method: 'OPTIONS', path: '*' })
  assert.is(refused.kind === 'refused' && refused.reason, 'absolute_path_rejected')
})

test.run()
