/** Virtual hosts with a generic matcher; every line was tried on Envoy 1.40. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { askRoute } from '../../scripts/kit/ask-route.ts'

type Fields = Readonly<Record<string, unknown>>
const TYPE = 'type.googleapis.com/envoy.'

const input = (header: string): Fields => ({
  name: 'i',
  typed_config: { '@type': `${TYPE}type.matcher.v3.HttpRequestHeaderMatchInput`, header_name: header },
})
const to = (cluster: string, match: Fields = { prefix: '/' }): Fields => ({
  action: { name: 'r', typed_config: { '@type': `${TYPE}config.route.v3.Route`, match, route: { cluster } } },
})
const when = (header: string, value_match: Fields): Fields => ({ single_predicate: { input: input(header), value_match } })

function chooser(matcher: Fields) {
  const ask = askRoute({ virtual_hosts: [{ name: 'v', domains: ['*'], matcher }] })
  return (path: string, ...values: readonly string[]) => ask({ path, headers: values.map((value) => ['x-h', value] as const) }).cluster
}

test('a list: the first predicate that holds, else on_no_match', () => {
  const choose = chooser({
    matcher_list: {
      matchers: [
        { predicate: when('x-h', { exact: 'a' }), on_match: to('A') },
        { predicate: when('x-h', { prefix: 'b', ignore_case: true }), on_match: to('B', { prefix: '/p' }) },
      ],
    },
    on_no_match: to('N'),
  })
  assert.is(choose('/', 'a'), 'A')
  assert.is(choose('/p', 'Bx'), 'B')
  assert.is(choose('/', 'bx'), undefined)
  assert.is(choose('/', 'c'), 'N')
  assert.is(choose('/'), 'N')
})

test('and, or, not', () => {
  const both = { and_matcher: { predicate: [when('x-h', { exact: 'a' }), when(':path', { prefix: '/p' })] } }
  const either = { or_matcher: { predicate: [when('x-h', { exact: 'b' }), when(':path', { suffix: 'z' })] } }
  const choose = chooser({
    matcher_list: {
      matchers: [
        { predicate: both, on_match: to('AND') },
        { predicate: either, on_match: to('OR') },
        { predicate: { not_matcher: when('x-h', { exact: 'a' }) }, on_match: to('NOT') },
      ],
    },
  })
  assert.is(choose('/p', 'a'), 'AND')
  assert.is(choose('/z', 'a'), 'OR')
  assert.is(choose('/q', 'c'), 'NOT')
  assert.is(choose('/q', 'a'), undefined)
})

test('maps: the exact key, or the longest prefix that leads somewhere', () => {
  const exact = chooser({ matcher_tree: { input: input('x-h'), exact_match_map: { map: { a: to('A') } } }, on_no_match: to('N') })
  assert.is(exact('/', 'a'), 'A')
  assert.is(exact('/', 'ab'), 'N')
  assert.is(exact('/'), 'N')
  const inner = { matcher: { matcher_tree: { input: input('x-h'), exact_match_map: { map: { a: to('PQA') } } } } }
  const prefix = chooser({
    matcher_tree: { input: input(':path'), prefix_match_map: { map: { '/p': to('P'), '/pq': inner } } },
    on_no_match: to('N'),
  })
  assert.is(prefix('/px'), 'P')
  assert.is(prefix('/pqr', 'a'), 'PQA')
  assert.is(prefix('/pqr', 'b'), 'P')
  assert.is(prefix('/x'), 'N')
})

test('what is not known is not decided', () => {
  const unknown = { name: 'i', typed_config: { '@type': 'type.googleapis.com/unknown.Input' } }
  const ask = askRoute({
    virtual_hosts: [
      {
        name: 'v',
        domains: ['*'],
        matcher: {
          matcher_list: {
            matchers: [{ predicate: { single_predicate: { input: unknown, value_match: { exact: 'a' } } }, on_match: to('A') }],
          },
        },
      },
    ],
  })
  assert.is(ask().outcome, 'divert')
})

test.run()
