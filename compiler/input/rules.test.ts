import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fieldChecks, unsetFinding } from './rules.ts'
import type { SchemaField } from './schema-file.ts'

const field = (type: SchemaField['type'], rules: SchemaField['rules'], more: Partial<SchemaField> = {}): SchemaField => ({
  name: 'f',
  number: 1,
  type,
  ...(rules && { rules }),
  ...more,
})
const check = (one: SchemaField, value: unknown) => fieldChecks(one, undefined).value?.(value)

test('numbers', () => {
  const one = field('uint32', { uint32: { gte: 1, lte: 65535 } })
  assert.is(check(one, 1), undefined)
  assert.is(check(one, 0), 'must be at least 1')
  assert.is(check(one, 70_000), 'must be at most 65535')
  assert.is(check(field('double', { double: { gt: 0, lt: 1 } }), 1), 'must be less than 1')
  assert.is(check(field('uint64', { uint64: { gte: 1024 } }), 2n ** 60n), undefined)
  assert.is(check(field('uint32', { uint32: { gte: 5, ignore_empty: true } }), 0), undefined)
})

test('texts', () => {
  assert.is(check(field('string', { string: { min_len: 1 } }), ''), 'must not be empty')
  assert.is(check(field('string', { string: { max_bytes: 4 } }), 'üüü'), 'takes at most 4 bytes, not 6')
  assert.is(check(field('string', { string: { max_len: 3 } }), '🙂🙂🙂'), undefined)
  assert.is(check(field('string', { string: { min_len: 2 } }), '🙂'), 'needs at least 2 characters')
  assert.match(check(field('string', { string: { well_known_regex: 1, strict: false } }), 'a\nb') ?? '', /line breaks/)
  assert.match(check(field('string', { string: { well_known_regex: 1 } }), 'a b') ?? '', /header name/)
  assert.match(check(field('string', { string: { well_known_regex: 2 } }), 'a\u0001') ?? '', /header value/)
  assert.is(check(field('string', { string: { prefix: '/', suffix: 'x', in: ['/x'] } }), '/x'), undefined)
  assert.match(check(field('string', { string: { prefix: '/' } }), 'x') ?? '', /begin/)
  assert.match(check(field('string', { string: { in: ['a'] } }), 'b') ?? '', /one of "a"/)
  assert.match(check(field('string', { string: { pattern: '^a+$' } }), 'ab') ?? '', /match/)
})

test('durations, lists, maps, booleans', () => {
  const positive = field('message', { duration: { gt: { seconds: 0, nanos: 0 } } })
  assert.is(check(positive, { seconds: 0, nanos: 0 }), 'must be greater than 0s')
  assert.is(check(positive, { seconds: 0, nanos: 1 }), undefined)
  const list = field(
    'string',
    { repeated: { min_items: 1, max_items: 2, unique: true, items: { string: { min_len: 1 } } } },
    { repeated: true },
  )
  assert.is(check(list, []), 'needs at least 1 element')
  assert.is(check(list, ['a', 'a']), 'has an element twice')
  assert.is(check(list, ['a', 'b', 'c']), 'takes at most 2 elements, not 3')
  assert.is(fieldChecks(list, undefined).item?.(''), 'must not be empty')
  const map = field('string', { map: { min_pairs: 1, keys: { string: { min_len: 1 } } } }, { map: 'string' })
  assert.is(check(map, []), 'needs at least 1 entries')
  assert.is(fieldChecks(map, undefined).key?.(''), 'must not be empty')
  assert.is(check(field('bool', { bool: { const: true } }), false), 'must be true')
})

test('what is not set is checked as its default, where proto3 has one', () => {
  const unset = (one: SchemaField) => unsetFinding(one, fieldChecks(one, undefined))
  assert.is(unset(field('string', { string: { min_len: 1 } }))?.kind, 'required')
  assert.is(unset(field('string', { string: { min_len: 1 } }, { oneof: 'o' })), undefined)
  assert.is(unset(field('string', { string: { min_len: 1 } }, { optional: true })), undefined)
  assert.is(unset(field('uint32', { uint32: { gte: 1 } }))?.kind, 'rule')
  assert.is(unset(field('message', { uint32: { gte: 1 } }, { of: 'google.protobuf.UInt32Value' })), undefined)
  assert.is(unset(field('message', { message: { required: true } }))?.kind, 'required')
  assert.is(unset(field('message', { duration: { required: true } }))?.kind, 'required')
  assert.is(unset(field('message', { duration: { gt: { seconds: 0, nanos: 0 } } })), undefined)
  assert.is(unset(field('string', { repeated: { min_items: 1 } }, { repeated: true }))?.kind, 'required')
  assert.is(unset(field('uint32', undefined)), undefined)
})

test.run()
