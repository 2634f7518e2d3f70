import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { paired, quantile, spread } from './statistics.ts'

test('quantiles interpolate and do not depend on the order', () => {
  assert.is(quantile([4, 1, 3, 2], 0.5), 2.5)
  assert.is(quantile([5, 1, 3], 0.5), 3)
  assert.equal(spread([10, 0, 5, 20, 15]), { median: 10, p25: 5, p75: 15, min: 0, max: 20 })
  assert.ok(Number.isNaN(quantile([], 0.5)))
})

test('ratios are made within a round', () => {
  assert.equal(
    paired([90, 40], [100, 50], (a, b) => a / b),
    [0.9, 0.8],
  )
})

test.run()
