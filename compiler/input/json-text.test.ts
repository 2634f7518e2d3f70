import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { countKeys, repeatedKeys, scanJson } from './json-text.ts'

test('depth and keys, whatever stands in the texts', () => {
  const { landmarks, ...scan } = scanJson(Buffer.from('{"a:{[": [{"b": "}]:\\"{"}]}'), 10)
  assert.equal(scan, { depth: 3, keys: 2, tooDeepAt: undefined })
  assert.is(landmarks.size, 0)
  assert.is(scanJson(Buffer.from('['.repeat(20)), 10).tooDeepAt, 10)
})

test('keys written and keys kept differ when one is repeated', () => {
  const text = '{"a": 1, "b": [{"c": 1, "c": {"d": 2}}], "\\u0061": 3}'
  assert.is(scanJson(Buffer.from(text), 10).keys, 6)
  assert.is(countKeys(JSON.parse(text)), 4)
  assert.equal(repeatedKeys(Buffer.from(text), 10), [
    { key: 'c', offset: 24 },
    { key: 'a', offset: 41 },
  ])
})

test('prototype names are keys like others', () => {
  assert.is(countKeys(JSON.parse('{"__proto__": {"constructor": 1}}')), 2)
})

test('landmarks are elements, by number, of the containers that are long', () => {
  const text = JSON.stringify({
    a: Array.from({ length: 9 }, (_, index) => ({ index, list: Array.from({ length: 20_000 }, () => 'x,]') })),
  })
  const { landmarks } = scanJson(Buffer.from(text), 10)
  const marks = landmarks.get(text.indexOf('['))
  assert.ok(marks !== undefined && marks.numbers.length > 2)
  for (const [at, offset] of marks.offsets.entries()) assert.ok(text.startsWith(`{"index":${marks.numbers[at]},`, offset))
  for (const [begin, { numbers }] of landmarks) {
    assert.match(text[begin] ?? '', /[[{]/)
    assert.equal(
      numbers,
      [...new Set(numbers)].sort((a, b) => a - b),
    )
  }
})

test.run()
