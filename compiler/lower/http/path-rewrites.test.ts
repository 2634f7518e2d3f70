import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { PathRewrite } from '../../http/model.ts'
import { createRegex } from '../../match/regex.ts'
import type { Match } from '../../match/table.ts'
import { rewriteTarget } from './path-rewrites.ts'

const prefix = (text: string, caseSensitive = true): readonly Match[] => [{ kind: 'prefix', text, caseSensitive, ignoreParameters: false }]

const byRegex = (pattern: string, substitution: string, match: readonly Match[]): unknown => {
  const rewrite: PathRewrite = { kind: 'regex', regex: createRegex(pattern), substitution }
  const target = rewriteTarget(rewrite, match, () => ({ kind: 'slow', why: '' }))
  return target.kind === 'value' ? target.value : target.kind
}

test('a regex that cuts off a beginning which every path has', () => {
  const rest = (from: number): unknown => ({ kind: 'target', from })
  assert.equal(byRegex('^/v1', '/v2', prefix('/v1/')), [{ kind: 'text', text: '/v2' }, rest(3)])
  assert.equal(byRegex('^/a\\.b', '/\\0\\\\', prefix('/a.b')), [{ kind: 'text', text: '//a.b\\' }, rest(4)])
  const captured = [{ kind: 'text', text: '/p' }, { kind: 'path', from: 0 }, rest('query' as unknown as number)]
  assert.equal(byRegex('^(.*)$', '/p\\1', prefix('/')), captured)
  assert.equal(byRegex('^/svc/(.*)$', '/\\1/x', prefix('/svc/')), [
    { kind: 'text', text: '/' },
    { kind: 'path', from: 5 },
    { kind: 'text', text: '/x' },
    rest('query' as unknown as number),
  ])
})

test('all others are the work of an automaton', () => {
  const others: readonly (readonly [string, string, readonly Match[]])[] = [
    // some paths of the route do not begin so
    ['^/v1', '/v2', prefix('/')],
    ['^/v1', '/v2', prefix('/v1', false)],
    // it may match anywhere, or more than once
    ['/v1', '/v2', prefix('/v1')],
    ['^/v.', '/v2', prefix('/v1')],
    ['^/v1|/v2', '/v3', prefix('/v1')],
    // what is put in may be nothing
    ['^/v1', '', prefix('/v1')],
    ['^/v1(.*)$', '\\1', prefix('/v1')],
    ['^/v1', '\\1', prefix('/v1')],
    ['^/v1(.*)$', '\\2', prefix('/v1')],
  ]
  for (const [pattern, substitution, match] of others) {
    const replaced = { kind: 'replaced', pattern, substitution, needed: 'something' }
    assert.equal(byRegex(pattern, substitution, match), [replaced, { kind: 'target', from: 'query' }], `${pattern} ${substitution}`)
  }
})

test('prefix_rewrite replaces what the path condition matched, in bytes', () => {
  const target = (match: readonly Match[]): unknown => {
    const made = rewriteTarget({ kind: 'prefix', text: '/\u00e9' }, match, () => ({ kind: 'slow', why: '' }))
    return made.kind === 'value' ? made.value : made
  }
  assert.equal(target(prefix('/\u00e9')), [
    { kind: 'text', text: '/\u00c3\u00a9' },
    { kind: 'target', from: 3 },
  ])
})

test.run()
