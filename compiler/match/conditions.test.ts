/** Query parameters, cookies, fractions, gRPC, TLS, metadata and filter state; each line was tried on Envoy 1.40. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { askMatch } from '../../scripts/kit/ask-route.ts'

test('query parameters: not decoded, the first value, ?k is empty', () => {
  const exact = (text: string) => askMatch({ query_parameters: [{ name: 'k', string_match: { exact: text } }] })
  assert.ok(exact('')({ path: '/?k' }))
  assert.ok(exact('1')({ path: '/?k=1&k=2' }))
  assert.not.ok(exact('2')({ path: '/?k=1&k=2' }))
  assert.not.ok(exact('a b')({ path: '/?k=a%20b' }))
  assert.ok(exact('a=b')({ path: '/?x&k=a=b' }))
  assert.not.ok(exact('1')({ path: '/?K=1' }))
})

test('query parameters: presence', () => {
  assert.ok(askMatch({ query_parameters: [{ name: 'k' }] })({ path: '/?k' }))
  assert.not.ok(askMatch({ query_parameters: [{ name: 'k', present_match: true }] })({ path: '/?kk' }))
  assert.ok(askMatch({ query_parameters: [{ name: 'k', present_match: false }] })({ path: '/' }))
  assert.not.ok(askMatch({ query_parameters: [{ name: 'k', present_match: false }] })({ path: '/?k' }))
})

test('a fraction is a share of the random numbers', () => {
  const half = askMatch({ runtime_fraction: { default_value: { numerator: 5000, denominator: 'TEN_THOUSAND' } } })
  assert.ok(half({ random: 0 }))
  assert.ok(half({ random: 0.4999 }))
  assert.not.ok(half({ random: 0.5 }))
  assert.not.ok(askMatch({ runtime_fraction: { default_value: { numerator: 0 } } })({ random: 0 }))
  assert.ok(askMatch({ runtime_fraction: { default_value: { numerator: 100 } } })({ random: 0.999999 }))
  assert.ok(askMatch({ runtime_fraction: { default_value: { numerator: 1, denominator: 'MILLION' } } })({ random: 0.0000009 }))
})

test('a request that draws no number is in the middle', () => {
  assert.not.ok(askMatch({ runtime_fraction: { default_value: { numerator: 10 } } })())
  assert.ok(askMatch({ runtime_fraction: { default_value: { numerator: 90 } } })())
})

test('grpc looks at the content type', () => {
  const grpc = askMatch({ grpc: {} })
  const typed = (type: string) => grpc({ headers: [['content-type', type]] })
  assert.ok(typed('application/grpc'))
  assert.ok(typed('application/grpc+proto'))
  assert.not.ok(typed('application/grpc-web'))
  assert.not.ok(typed('application/json'))
  assert.not.ok(grpc())
})

test('no certificate was presented', () => {
  assert.ok(askMatch({ tls_context: { presented: false } })())
  assert.not.ok(askMatch({ tls_context: { presented: true } })())
  assert.not.ok(askMatch({ tls_context: { validated: true } })())
  assert.ok(askMatch({ tls_context: { presented: false, validated: false } })())
})

test('no filter has left metadata or state', () => {
  const metadata = (value: Record<string, unknown>, invert = {}) =>
    askMatch({ dynamic_metadata: [{ filter: 'f', path: [{ key: 'k' }], value, ...invert }] })()
  assert.not.ok(metadata({ present_match: true }))
  assert.not.ok(metadata({ present_match: false }))
  assert.ok(metadata({ present_match: false }, { invert: true }))
  assert.ok(metadata({ string_match: { exact: 'a' } }, { invert: true }))
  assert.not.ok(askMatch({ filter_state: [{ key: 'k', string_match: { exact: '' } }] })())
})

test('cookies: the first of a name, without its quotes; a missing one fulfils an inverted matcher', () => {
  const takes = (cookies: readonly string[], more = {}): boolean =>
    askMatch({ cookies: [{ name: 'k', string_match: { exact: '1' }, ...more }] })({
      headers: cookies.map((text) => ['cookie', text] as const),
    })
  for (const taken of ['k=1', 'a=b; k=1; c=d', 'k="1"', 'k=1; k=2']) assert.ok(takes([taken]), taken)
  for (const left of ['k=2; k=1', 'a=b; k=2', 'K=1', 'k']) assert.not.ok(takes([left]), left)
  assert.ok(takes(['a=b', 'k=1']))
  assert.not.ok(takes([]))
  assert.ok(takes([], { invert_match: true }))
  assert.not.ok(takes(['k=1'], { invert_match: true }))
})

test.run()
