import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findJsonMistake } from './json-mistake.ts'

const find = (text: string) => findJsonMistake(Buffer.from(text), 0)

test('finds nothing in what the engine takes', () => {
  for (const text of ['{}', '[]', ' {"a": [1, -2.5e+3, true, null, "\\u00e9\\n"], "b": {}} ', '"x"', '0', '[[], {}]'])
    assert.is(find(text), undefined, text)
})

const MISTAKES: readonly (readonly [string, number, RegExp])[] = [
  ['{"a":tru}', 5, /value/],
  ['{a:1}', 1, /key/],
  ['[1,]', 3, /value/],
  ['{"a":1,}', 7, /key/],
  ['{"a" 1}', 5, /":"/],
  ['[1 2]', 3, /","/],
  ['{"a":1]', 6, /"}"/],
  ['[01]', 1, /value/],
  ['{"a": "b\nc"}', 8, /line/],
  ['["\\q"]', 2, /escape/],
  ['["\\u12g4"]', 2, /escape/],
  ['{"a": {{.x}}}', 7, /key/],
]

test('places each mistake', () => {
  for (const [text, offset, message] of MISTAKES) {
    const found = find(text)
    assert.is(found?.offset, offset, text)
    assert.match(found?.message ?? '', message, text)
  }
})

test('a text cut anywhere ends in the middle', () => {
  const text = '{"a": [1, true, null, "x\\u00e9\\"", {"b": -1.5e3}], "c": false}'
  for (let end = 1; end < text.length; end++) {
    const found = find(text.slice(0, end))
    assert.ok(found !== undefined && found.offset <= end, text.slice(0, end))
    if (!/[0-9.e-]$/.test(text.slice(0, end))) assert.match(found.message, /ends in the middle/, text.slice(0, end))
  }
})

test('agrees with the engine on broken texts', () => {
  const text = '{"k": [12, {"x": "y\\t"}, false], "l": 1e9, "m": null}'
  for (let at = 0; at < text.length; at++) {
    for (const letter of '{}[],:"x0 \\\n-') {
      const broken = text.slice(0, at) + letter + text.slice(at + 1)
      let good = true
      try {
        JSON.parse(broken)
      } catch {
        good = false
      }
      assert.is(find(broken) === undefined, good, broken)
    }
  }
})

test('several documents', () => {
  assert.equal(find('{"a":1}\n{"b":2}'), { message: '"{" follows the end of the value', offset: 8, complete: true })
})

test.run()
