import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { surprise } from './binomial.ts'

test('the middle is no surprise, certainty leaves no room', () => {
  assert.is(surprise(50, 100, 0.5), 1)
  assert.is(surprise(0, 10, 0), 1)
  assert.is(surprise(1, 10, 0), 0)
  assert.is(surprise(10, 10, 1), 1)
  assert.is(surprise(9, 10, 1), 0)
})

test('small numbers are exact', () => {
  assert.ok(Math.abs(surprise(0, 10, 0.5) - 2 / 1024) < 1e-12)
  assert.ok(Math.abs(surprise(9, 10, 0.5) - 22 / 1024) < 1e-12)
})

test('3 sigma of a large number is about 0.0027', () => {
  const value = surprise(5000 + 150, 10_000, 0.5)
  assert.ok(value > 0.0024 && value < 0.003, String(value))
})

test('a rare share: nothing seen is no surprise, four of them are', () => {
  assert.is(surprise(0, 300, 0.001), 1)
  assert.ok(surprise(4, 300, 0.001) < 0.001)
})

test.run()
