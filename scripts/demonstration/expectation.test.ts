import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { agrees, expectations } from './expectation.ts'

test('deviation is in standard deviations of the binomial distribution', () => {
  const rows = expectations([
    { name: 'a', weight: 90, count: 930 },
    { name: 'b', weight: 10, count: 70 },
  ])
  assert.equal(
    rows.map(({ expected }) => expected),
    [900, 100],
  )
  assert.ok(Math.abs((rows[0]?.sigma ?? 0) - 3.1623) < 0.001)
  assert.is(agrees(rows), 'yes')
})

test('a share of nothing may not be met at all', () => {
  const shares = (count: number) => [
    { name: 'a', weight: 1, count: 100 },
    { name: 'b', weight: 0, count },
  ]
  assert.is(agrees(expectations(shares(0))), 'yes')
  assert.is(agrees(expectations(shares(1))), 'no')
})

test('too far off does not agree', () => {
  assert.is(
    agrees(
      expectations([
        { name: 'a', weight: 1, count: 600 },
        { name: 'b', weight: 1, count: 400 },
      ]),
    ),
    'no',
  )
})

test.run()
