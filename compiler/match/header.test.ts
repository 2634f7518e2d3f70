/** Header conditions; each line was tried on Envoy 1.40. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { askMatch } from '../../scripts/kit/ask-route.ts'

type Pair = readonly [string, string]

/** Whether a matcher of the header x-h takes requests with these values of it. */
function takes(matcher: Record<string, unknown>, ...values: readonly string[]): boolean {
  return askMatch({ headers: [{ name: 'x-h', ...matcher }] })({ headers: values.map((value): Pair => ['X-H', value]) })
}

test('presence', () => {
  assert.ok(takes({}, ''))
  assert.not.ok(takes({}))
  assert.ok(takes({ present_match: false }))
  assert.not.ok(takes({ present_match: false }, 'a'))
  assert.ok(takes({ present_match: true, invert_match: true }))
  assert.not.ok(takes({ present_match: false, invert_match: true }))
})

test('a header that is treated as empty is always there', () => {
  assert.ok(takes({ present_match: true, treat_missing_header_as_empty: true }))
  assert.not.ok(takes({ present_match: false, treat_missing_header_as_empty: true }))
  assert.ok(takes({ string_match: { exact: '' }, treat_missing_header_as_empty: true }))
  assert.ok(takes({ string_match: { exact: 'a' }, invert_match: true, treat_missing_header_as_empty: true }))
})

test('a missing header fulfils no value matcher, inverted or not', () => {
  assert.not.ok(takes({ string_match: { exact: 'a' } }))
  assert.not.ok(takes({ string_match: { exact: 'a' }, invert_match: true }))
})

test('every form of string_match', () => {
  assert.ok(takes({ string_match: { exact: 'a' } }, 'a'))
  assert.not.ok(takes({ string_match: { exact: 'a' } }, 'A'))
  assert.ok(takes({ string_match: { exact: 'A', ignore_case: true } }, 'a'))
  assert.ok(takes({ string_match: { prefix: 'a' } }, 'ab'))
  assert.ok(takes({ string_match: { suffix: 'B', ignore_case: true } }, 'ab'))
  assert.ok(takes({ string_match: { contains: 'b' } }, 'abc'))
  assert.ok(takes({ string_match: { safe_regex: { regex: 'a+' } } }, 'aa'))
  assert.not.ok(takes({ string_match: { safe_regex: { regex: 'a+' } } }, 'aab'))
})

test('the older forms', () => {
  assert.ok(takes({ exact_match: 'a' }, 'a'))
  assert.ok(takes({ prefix_match: 'a' }, 'ab'))
  assert.ok(takes({ suffix_match: 'b' }, 'ab'))
  assert.ok(takes({ contains_match: 'b' }, 'abc'))
  assert.ok(takes({ safe_regex_match: { regex: 'a|b' } }, 'b'))
})

test('one of several values is enough; inverting comes after that', () => {
  assert.ok(takes({ string_match: { exact: 'b' } }, 'a', 'b'))
  assert.not.ok(takes({ string_match: { exact: 'a,b' } }, 'a', 'b'))
  assert.not.ok(takes({ string_match: { exact: 'b' }, invert_match: true }, 'a', 'b'))
})

test('values of well-known headers are joined', () => {
  const joined = askMatch({ headers: [{ name: 'accept', string_match: { exact: 'a,b' } }] })
  assert.ok(
    joined({
      headers: [
        ['accept', 'a'],
        ['Accept', 'b'],
      ],
    }),
  )
})

test('values are trimmed as the codec does', () => {
  assert.ok(takes({ string_match: { exact: 'a b' } }, ' a b\t'))
})

test('ranges take whole numbers of 64 bits', () => {
  const range = { range_match: { start: '5', end: '7' } }
  for (const value of ['5', '+5', '05', '6']) assert.ok(takes(range, value), value)
  for (const value of ['', '7', '5.0', '0x5', 'a', '5 5', '9223372036854775808']) assert.not.ok(takes(range, value), value)
  assert.not.ok(takes({ range_match: { start: '6', end: '5' } }, '5'))
})

test('pseudo headers and host are headers', () => {
  assert.ok(askMatch({ headers: [{ name: ':method', string_match: { exact: 'PUT' } }] })({ method: 'PUT' }))
  assert.ok(askMatch({ headers: [{ name: ':path', string_match: { exact: '/a?b' } }] })({ path: '/a?b' }))
  assert.ok(askMatch({ headers: [{ name: ':authority', string_match: { exact: 'X.com' } }] })({ authority: 'X.com' }))
  assert.ok(askMatch({ headers: [{ name: 'Host', string_match: { exact: 'x.com' } }] })({ authority: 'x.com' }))
  assert.ok(askMatch({ headers: [{ name: ':scheme', string_match: { exact: 'https' } }] })({ headers: [['x-forwarded-proto', 'HTTPS']] }))
})

test('all headers must agree', () => {
  const both = askMatch({
    headers: [
      { name: 'x-a', present_match: true },
      { name: 'x-b', present_match: true },
    ],
  })
  assert.ok(
    both({
      headers: [
        ['x-a', ''],
        ['x-b', ''],
      ],
    }),
  )
  assert.not.ok(both({ headers: [['x-a', '']] }))
})

test.run()
