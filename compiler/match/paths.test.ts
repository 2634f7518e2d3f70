/** Path conditions: prefix, path, path_separated_prefix, safe_regex, and what each leaves to prefix_rewrite. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { askPath, askRoute } from '../../scripts/kit/ask-route.ts'

const taken = (match: Record<string, unknown>, paths: readonly string[], configuration = {}): readonly string[] => {
  const ask = askPath(match, configuration)
  return paths.filter(ask)
}

test('prefix compares the path without query, with case', () => {
  assert.equal(taken({ prefix: '/a' }, ['/a', '/ab', '/a?x', '/A', '/b?/a', '/']), ['/a', '/ab', '/a?x'])
  assert.equal(taken({ prefix: '/a?' }, ['/a?x', '/a']), [])
})

test('case_sensitive: false covers prefix, path and path_separated_prefix', () => {
  assert.equal(taken({ prefix: '/A', case_sensitive: false }, ['/a', '/Ab', '/b']), ['/a', '/Ab'])
  assert.equal(taken({ path: '/Ab', case_sensitive: false }, ['/ab', '/AB?x', '/abc']), ['/ab', '/AB?x'])
  assert.equal(taken({ path_separated_prefix: '/A', case_sensitive: false }, ['/a/b', '/ab']), ['/a/b'])
})

test('only A to Z have another case', () => {
  assert.equal(taken({ path: '/É', case_sensitive: false }, ['/é', '/É']), ['/É'])
})

test('path is the whole path', () => {
  assert.equal(taken({ path: '/a' }, ['/a', '/a?x', '/a/', '/A']), ['/a', '/a?x'])
})

test('path_separated_prefix ends where the path does, or before a slash', () => {
  assert.equal(taken({ path_separated_prefix: '/a' }, ['/a', '/a/', '/a/b', '/ab', '/a?x', '/a/b?y']), [
    '/a',
    '/a/',
    '/a/b',
    '/a?x',
    '/a/b?y',
  ])
})

test('safe_regex matches the whole path and knows its own case', () => {
  assert.equal(taken({ safe_regex: { regex: '/a|/ab' } }, ['/a', '/ab', '/abc', '/x/a']), ['/a', '/ab'])
  assert.equal(taken({ safe_regex: { regex: '/a' }, case_sensitive: false }, ['/A', '/a']), ['/a'])
  assert.equal(taken({ safe_regex: { regex: '/[0-9]+' } }, ['/1?x', '/1x']), ['/1?x'])
})

test('a regex that RE2 refuses takes nothing', () => {
  assert.equal(taken({ safe_regex: { regex: '(?=a)' } }, ['/', '']), [])
})

test('a hostile regex is linear', () => {
  const started = Date.now()
  assert.equal(taken({ safe_regex: { regex: '/(a+)+b' } }, [`/${'a'.repeat(20_000)}`]), [])
  assert.ok(Date.now() - started < 5000)
})

test('path parameters may be ignored', () => {
  const ignoring = { ignore_path_parameters_in_path_matching: true }
  assert.equal(taken({ path: '/a' }, ['/a', '/a;p=1', '/a;p?q'], ignoring), ['/a', '/a;p=1', '/a;p?q'])
  assert.equal(taken({ path: '/a' }, ['/a;p=1']), [])
})

test('connect_matcher takes CONNECT alone', () => {
  const ask = askRoute({
    virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { connect_matcher: {} }, route: { cluster: 'hit' } }] }],
  })
  assert.is(ask({ method: 'CONNECT', path: '' }, { upgrades: new Map([['connect', true]]) }).outcome, 'cluster')
  assert.is(ask({ method: 'GET' }).outcome, 'no_route')
  assert.is(ask({ method: 'CONNECT', path: '' }).status, 403)
})

test('prefix_rewrite replaces what the condition matched', () => {
  const rewritten = (match: Record<string, unknown>, path: string): string | undefined =>
    askRoute({ virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match, route: { cluster: 'c', prefix_rewrite: '/n' } }] }] })({
      path,
    }).path
  assert.is(rewritten({ prefix: '/a' }, '/ab?x'), '/nb?x')
  assert.is(rewritten({ path: '/A', case_sensitive: false }, '/a?x'), '/n?x')
  assert.is(rewritten({ path_separated_prefix: '/a' }, '/a/b'), '/n/b')
  assert.is(rewritten({ safe_regex: { regex: '/a.*' } }, '/a/b?x'), '/n?x')
})

test.run()
