import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seeded } from '../../../scripts/probes/random.ts'
import type { Route } from '../../http/model.ts'
import { pathQuestion } from './match-question.ts'
import { createPathTable, type PathRoute, type PathTable } from './paths.ts'
import { ALWAYS, type Question } from './question.ts'

type Kind = 'path' | 'prefix' | 'path_separated_prefix'
const ODD: Question = { kind: 'ask', subject: { kind: 'method' }, comparison: { kind: 'present' }, invert: false, missing: false }

function route(kind: Kind, given: string, caseSensitive = true, rest: Question = ALWAYS): PathRoute {
  const text = caseSensitive ? given : given.toLowerCase()
  const match = [{ kind, text, caseSensitive, ignoreParameters: false }]
  const casing = caseSensitive ? 'sensitive' : 'folded'
  const path: Question =
    kind === 'path_separated_prefix'
      ? { kind: 'any', of: [pathQuestion('exact', text, casing), pathQuestion('prefix', `${text}/`, casing)] }
      : pathQuestion(kind === 'path' ? 'exact' : 'prefix', text, casing)
  return { route: { match } as unknown as Route, rest, path }
}

/** Indices of the candidates of a path, as the kernel finds them. */
function candidatesOf(table: PathTable, path: string): readonly number[] {
  const key = table.fold ? path.toLowerCase() : path
  let list = table.exact.get(key)
  for (let length = key.length; list === undefined && length > 0; length--) list = table.prefixes.get(key.slice(0, length))
  return (list ?? table.root).map(({ index }) => index)
}

function takes({ route: { match } }: PathRoute, path: string): boolean {
  const node = match[0] as { kind: Kind; text: string; caseSensitive: boolean }
  const seen = node.caseSensitive ? path : path.toLowerCase()
  if (node.kind === 'path') return seen === node.text
  if (node.kind === 'prefix') return seen.startsWith(node.text)
  return seen === node.text || seen.startsWith(`${node.text}/`)
}

test('the candidates of a path stand in first-match order, behind the first that takes all nothing follows', () => {
  const table = createPathTable([
    route('prefix', '/a/b', true, ODD),
    route('path', '/a/b/c'),
    route('prefix', '/a'),
    route('prefix', '/a/b'),
    route('prefix', '/', true, ODD),
    route('path_separated_prefix', '/x'),
    route('prefix', '/'),
  ])
  assert.equal(candidatesOf(table, '/a/b/c'), [0, 1])
  assert.equal(candidatesOf(table, '/a/b/d'), [0, 2])
  assert.equal(candidatesOf(table, '/ab'), [2])
  assert.equal(candidatesOf(table, '/x'), [4, 5])
  assert.equal(candidatesOf(table, '/xy'), [4, 6])
  assert.equal(candidatesOf(table, '/x/'), [4, 5])
})

test('a route that ignores case makes the others ask for it', () => {
  const table = createPathTable([route('prefix', '/Api'), route('prefix', '/api', false), route('prefix', '/1')])
  assert.ok(table.fold)
  const list = table.prefixes.get('/api') ?? []
  assert.equal(
    list.map(({ question }) => question.kind),
    ['ask', 'constant'],
  )
  assert.is(table.prefixes.get('/1')?.[0]?.question.kind, 'constant')
})

test('texts that no name can hold are asked of the path', () => {
  const long = `/${'a'.repeat(300)}`
  const table = createPathTable([route('prefix', long), route('path', long), route('prefix', '/')])
  assert.equal(
    table.root.map(({ index }) => index),
    [0, 1, 2],
  )
})

test('random routes: every route that takes a path is a candidate, unless one before it takes all', () => {
  const random = seeded(11)
  const segments = ['a', 'b', 'aa', 'A', '', 'c']
  const path = (): string => `/${Array.from({ length: random.whole(0, 3) }, () => random.one(segments)).join('/')}`
  for (let round = 0; round < 300; round++) {
    const routes = Array.from({ length: random.whole(1, 12) }, () =>
      route(
        random.one(['path', 'prefix', 'path_separated_prefix'] as const),
        path(),
        random.chance(0.8),
        random.chance(0.5) ? ODD : ALWAYS,
      ),
    )
    const table = createPathTable(routes)
    for (let ask = 0; ask < 30; ask++) {
      const asked = path()
      const found = candidatesOf(table, asked)
      assert.equal(
        found,
        [...found].sort((a, b) => a - b),
      )
      const wanted = routes.flatMap((one, index) => (takes(one, asked) ? [index] : []))
      const first = wanted.findIndex((index) => routes[index]?.rest === ALWAYS)
      const needed = first < 0 ? wanted : wanted.slice(0, first + 1)
      for (const index of needed) assert.ok(found.includes(index), `${asked}: ${found} lacks ${index}`)
    }
  }
})

test.run()
