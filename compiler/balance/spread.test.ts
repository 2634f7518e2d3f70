import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { gcd, pickAt, spread, strideOf } from './spread.ts'

const add = (met: number[], row: number): void => {
  met[row] = (met[row] as number) + 1
}
const count = (weights: readonly number[], from: number, picks: number): number[] => {
  const s = spread(weights)
  const met = weights.map(() => 0)
  for (let cursor = from; cursor < from + picks; cursor++) add(met, pickAt(s, cursor))
  return met
}

test('any total picks in a row meet each row exactly weight times, from any start', () => {
  for (const weights of [[1, 999], [3, 0, 7], [5, 5, 10], [1, 2, 3, 4], [97, 101], [1], [1000, 1, 1], [2, 4, 6]]) {
    const { total, weights: reduced } = spread(weights)
    for (const from of [0, 1, 17, 123456789]) assert.equal(count(weights, from, total), reduced, `${weights} from ${from}`)
  }
})

test('equal weights are walked in order', () => {
  const s = spread([4, 4, 4])
  assert.equal([s.total, s.stride, s.equal], [3, 1, true])
  assert.equal(
    [0, 1, 2, 3, 4].map((cursor) => pickAt(s, cursor)),
    [0, 1, 2, 0, 1],
  )
})

test('the stride is coprime with every total and near the golden ratio', () => {
  for (let total = 1; total < 3000; total++) {
    const stride = strideOf(total)
    assert.is(gcd(stride, total), 1, `${total}`)
    assert.ok(stride >= 1 && (total <= 2 || stride < total))
    if (total > 20) assert.ok(Math.abs(stride - total * 0.618034) <= 12, `${total}: ${stride}`)
  }
  assert.is(gcd(strideOf(0xffffffff), 0xffffffff), 1)
})

test('picks are spread: no prefix is more than two picks off', () => {
  for (const weights of [
    [1, 999],
    [10, 90],
    [1, 2, 3, 4],
    [50, 30, 20],
    [7, 13, 29],
  ]) {
    const s = spread(weights)
    const met = weights.map(() => 0)
    for (let cursor = 0; cursor < 2 * s.total; cursor++) {
      add(met, pickAt(s, cursor))
      for (const [index, weight] of s.weights.entries()) {
        const off = Math.abs((met[index] as number) - ((cursor + 1) * weight) / s.total)
        assert.ok(off <= 2, `${weights}: row ${index} is ${off.toFixed(2)} off after ${cursor + 1}`)
      }
    }
  }
})

test('sums beyond 32 bits are scaled down and keep everybody', () => {
  const s = spread([0xffffffff, 0xfffffffe, 1])
  assert.ok(s.total <= 0xffffffff)
  assert.ok(s.weights.every((weight) => weight >= 1))
  assert.ok(Math.abs((s.weights[0] as number) / s.total - 0.5) < 1e-6)
  assert.is(pickAt(s, 12345678901) < 3, true)
})

test.run()
