import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { excess } from './chi-square.ts'

const cells = (seen: readonly number[], expected: number) => seen.map((count) => ({ seen: count, expected }))

test('chance is below 3, also where counts are more even than chance makes them', () => {
  assert.ok(excess(cells([28, 33, 31, 25, 36, 27, 30, 34, 26, 30], 30)) < 1)
  assert.ok(excess(cells([30, 30, 30], 30)) < 0)
})

test('ten counts that are each off by less than 2 sigma are above 3 together', () => {
  const seen = [40, 20, 40, 20, 40, 20, 40, 20, 40, 20]
  assert.ok(excess(cells(seen, 30)) > 3)
})

test('the known quantile: 3 sigma of one degree of freedom is about 10.3 for a one-sided test', () => {
  const off = Math.sqrt(10.3 * 50)
  const value = excess([
    { seen: 100 + off, expected: 100 },
    { seen: 100 - off, expected: 100 },
  ])
  assert.ok(Math.abs(value - 3) < 0.2, String(value))
})

test('rare outcomes count as one, and not at all where they are rare together', () => {
  assert.is(
    excess([
      { seen: 300, expected: 299.7 },
      { seen: 0, expected: 0.3 },
    ]),
    Number.NEGATIVE_INFINITY,
  )
  assert.ok(
    excess([
      { seen: 260, expected: 280 },
      ...cells(
        Array.from({ length: 10 }, () => 4),
        2,
      ),
    ]) > 3,
  )
})

test.run()
