/** Whole numbers as absl::SimpleAtoi reads them. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseDecimal, parseUnsigned } from './decimal.ts'

test('signed', () => {
  assert.is(parseDecimal(' +05 '), 5n)
  assert.is(parseDecimal('-9223372036854775808'), -(2n ** 63n))
  for (const text of ['', '+', '1.0', '0x1', '1 2', '9223372036854775808', '٥']) assert.is(parseDecimal(text), undefined, text)
})

test('unsigned', () => {
  assert.is(parseUnsigned('18446744073709551615'), 2n ** 64n - 1n)
  for (const text of ['-1', '-0', '18446744073709551616']) assert.is(parseUnsigned(text), undefined, text)
})

test.run()
