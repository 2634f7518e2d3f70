/** Hashes of requests. The clusters are those that Envoy 1.40 chose among eight with weights 7 to 14 under use_hash_policy. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { askRoute } from '../../scripts/kit/ask-route.ts'
import { xxHash64Text } from '../balance/hash.ts'
import type { RequestLine } from './request.ts'
import { seededHash } from './seeded-hash.ts'

const clusters = Array.from({ length: 8 }, (_, index) => ({ name: `w${index}`, weight: 7 + index }))

function chooser(...policies: readonly Record<string, unknown>[]): (line: Partial<RequestLine>) => string | undefined {
  const route = { hash_policy: policies, weighted_clusters: { use_hash_policy: true, clusters } }
  const ask = askRoute({ virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route }] }] })
  return (line) => ask(line).cluster
}

test('a seed of zero is the plain hash', () => {
  for (const text of ['', 'a', 'abcd', '12345678', 'é', 'x'.repeat(31), 'y'.repeat(32), 'z'.repeat(77)])
    assert.is(seededHash(text, 0n), xxHash64Text(text), text)
})

test('a header', () => {
  const choose = chooser({ header: { header_name: 'X-H' } })
  assert.is(choose({ path: '/', headers: [['x-h', '0']] }), 'w1')
  assert.is(choose({ path: '/', headers: [['x-h', '1']] }), 'w3')
  assert.is(choose({ path: '/', headers: [['x-h', '2']] }), 'w7')
  assert.is(choose({ path: '/', headers: [['x-h', '3']] }), 'w1')
})

test('several values of a header, in any order', () => {
  const choose = chooser({ header: { header_name: 'x-h' } })
  assert.is(
    choose({
      path: '/',
      headers: [
        ['x-h', 'a'],
        ['x-h', 'b'],
      ],
    }),
    'w2',
  )
  assert.is(
    choose({
      path: '/',
      headers: [
        ['x-h', 'b'],
        ['x-h', 'a'],
      ],
    }),
    'w2',
  )
  assert.is(
    choose({
      path: '/',
      headers: [
        ['x-h', 'c'],
        ['x-h', 'd'],
      ],
    }),
    'w6',
  )
})

test('two policies are mixed', () => {
  const choose = chooser({ header: { header_name: 'x-h' } }, { query_parameter: { name: 'k' } })
  assert.is(choose({ path: '/?k=0', headers: [['x-h', '0']] }), 'w6')
  assert.is(choose({ path: '/?k=1', headers: [['x-h', '0']] }), 'w0')
  assert.is(choose({ path: '/?k=2', headers: [['x-h', '0']] }), 'w2')
  assert.is(choose({ path: '/?k=0', headers: [['x-h', '1']] }), 'w7')
  assert.is(choose({ path: '/?k=1', headers: [['x-h', '1']] }), 'w6')
})

test('a terminal policy ends the list', () => {
  const choose = chooser({ header: { header_name: 'x-h' }, terminal: true }, { query_parameter: { name: 'k' } })
  assert.is(choose({ path: '/?k=3', headers: [] }), 'w1')
  assert.is(choose({ path: '/?k=4', headers: [] }), 'w0')
  assert.is(choose({ path: '/?k=0', headers: [['x-h', '1']] }), 'w3')
  assert.is(choose({ path: '/?k=1', headers: [['x-h', '1']] }), 'w3')
  assert.is(choose({ path: '/?k=2', headers: [['x-h', '1']] }), 'w3')
})

test('a cookie', () => {
  const choose = chooser({ cookie: { name: 'c' } })
  assert.is(choose({ path: '/', headers: [['cookie', 'c=1']] }), 'w3')
  assert.is(choose({ path: '/', headers: [['cookie', 'c=2']] }), 'w7')
  assert.is(choose({ path: '/', headers: [['cookie', 'b=1; c=3']] }), 'w1')
  assert.is(choose({ path: '/', headers: [['cookie', "c='4'"]] }), 'w0')
})

test('a rewritten header', () => {
  const choose = chooser({ header: { header_name: 'x-h', regex_rewrite: { pattern: { regex: '[0-9]' }, substitution: 'z' } } })
  assert.is(choose({ path: '/', headers: [['x-h', 'a1']] }), 'w6')
  assert.is(choose({ path: '/', headers: [['x-h', 'b2']] }), 'w5')
  assert.is(choose({ path: '/', headers: [['x-h', 'c3']] }), 'w2')
})

test.run()
