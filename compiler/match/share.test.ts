import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createShare, slotOfText } from './share.ts'

interface Value {
  readonly name: string
  readonly list?: readonly (number | string)[]
  readonly other?: string | undefined
}

const share = () => createShare<Value>(8, ({ name }) => slotOfText(name))

test('equal values are one object', () => {
  const same = share()
  const first = same({ name: 'a', list: [1, 2] })
  assert.is(same({ name: 'a', list: [1, 2] }), first)
})

test('values that differ anywhere stay apart', () => {
  const same = share()
  const first = same({ name: 'a', list: [1] })
  for (const value of [
    { name: 'a', list: [2] },
    { name: 'a', list: [1, 1] },
    { name: 'a', list: ['1'] },
    { name: 'a' },
    { name: 'a', list: [1], other: undefined },
    { name: 'a', list: [1], other: 'b' },
    { name: 'b', list: [1] },
  ]) {
    const held = same(value)
    assert.is(held, value)
    assert.is.not(held, first)
    same(first)
  }
})

test('what was not given lately is given back as it is', () => {
  const same = createShare<Value>(1, () => 0)
  const first = same({ name: 'a' })
  const other = { name: 'b' }
  assert.is(same(other), other)
  const again = { name: 'a' }
  assert.is(same(again), again)
  assert.is.not(again, first)
})

test('a text that says nothing about its slot still finds one', () => {
  const same = createShare<Value>(4, () => -7)
  const first = same({ name: 'a' })
  assert.is(same({ name: 'a' }), first)
})

test.run()
