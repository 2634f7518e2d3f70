import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { drawOf } from './draw.ts'
import { evalFraction } from './runtime-fraction.ts'

test('a share falls where it says, a number where its remainder does', () => {
  assert.equal(
    [0, 0.5, 0.999].map((share) => drawOf(share, 10)),
    [0, 5, 9],
  )
  assert.equal(
    [0n, 25n, (1n << 64n) - 1n].map((drawn) => drawOf(drawn, 10)),
    [0, 5, 5],
  )
  assert.equal([drawOf(7n, 0), drawOf(0.7, 0)], [0, 0])
})

test('a fraction of no outcomes is met by nobody, a whole one by everybody', () => {
  for (const draw of [0.99, 12345678901234567890n]) {
    assert.is(evalFraction({ numerator: 100, denominator: 100, runtimeKey: undefined }, draw), true)
    assert.is(evalFraction({ numerator: 0, denominator: 100, runtimeKey: undefined }, draw), false)
  }
})

test.run()
