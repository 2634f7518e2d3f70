import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHashIndex, hashOfText } from './hash-index.ts'

test('finds each of many things, and nothing that was not added', () => {
  const index = createHashIndex()
  const texts = Array.from({ length: 20_000 }, (_, at) => `svc-${at}.ns-${at % 7}`)
  for (const [at, text] of texts.entries()) {
    assert.is(
      index.find(hashOfText(text), (thing) => texts[thing] === text),
      undefined,
    )
    index.add(hashOfText(text), at)
  }
  for (const [at, text] of texts.entries())
    assert.is(
      index.find(hashOfText(text), (thing) => texts[thing] === text),
      at,
    )
  assert.is(
    index.find(hashOfText('other'), () => true),
    undefined,
  )
})

test('things with one hash are told apart by who asks', () => {
  const index = createHashIndex()
  for (let thing = 0; thing < 300; thing++) index.add(7, thing)
  assert.is(
    index.find(7, (thing) => thing === 250),
    250,
  )
  assert.is(
    index.find(7, () => false),
    undefined,
  )
  assert.is(
    index.find(0xffffffff, () => true),
    undefined,
  )
  index.add(-1, 300)
  assert.is(
    index.find(0xffffffff, () => true),
    300,
    'a hash is 32 bits, signed or not',
  )
})

test.run()
