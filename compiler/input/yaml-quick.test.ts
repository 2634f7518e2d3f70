/** The quick reader against the whole parser: what it takes has the same values and the same places there. */
import { readdirSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mutateBytes } from '../../scripts/mutate/mutate-bytes.ts'
import { seeded } from '../../scripts/probes/random.ts'
import type { Pointer } from './found.ts'
import { createYamlPositions } from './yaml-position.ts'
import { readQuickly } from './yaml-quick.ts'
import { parseTrees, VALUES } from './yaml-text.ts'

const fixtures = new URL('../../fixtures/', import.meta.url).pathname
const files = readdirSync(fixtures, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .sort()
  .map((name) => readFileSync(fixtures + name))

const STYLES = Buffer.from(`# everything that is taken
a: plain text, with commas
"b c": 'it''s'
d: "tab\\t, \\u00e9"
e:
- 1
- - x
  - y: no
    z: ~
-
  k: 0x1f
- [1, "two", {three: 3, "four":4, five: x, }, []]
f:   # a comment
    g: |
      two
        lines

    h: >-
      folded
      text
i: {}
j: [
  1,
  2
 ]
l: a long plain text
  that goes on
m:
  "o": "a long quoted text
    that goes on"
__proto__: {x: 1}
n:
`)

/** Every pointer into a value. */
function* pointers(value: unknown, at: Pointer = []): Generator<Pointer> {
  yield at
  if (typeof value === 'object' && value !== null)
    for (const [key, held] of Object.entries(value)) yield* pointers(held, [...at, Array.isArray(value) ? Number(key) : key])
}

/** -> whether the quick reader took it */
function compare(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes)
  const quick = readQuickly(text, VALUES)
  if (quick === undefined) return false
  const { documents, mistakes } = parseTrees(text)
  assert.equal(mistakes, [], JSON.stringify(text))
  assert.ok(
    isDeepStrictEqual(
      quick,
      documents.map(({ value }) => value),
    ),
    text,
  )
  return true
}

function comparePlaces(bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes)
  const [value] = readQuickly(text, VALUES) ?? []
  const quick = createYamlPositions(bytes)
  // a document with an anchor behind it: the whole parser reads both
  const whole = createYamlPositions(Buffer.from(`${text}${text.endsWith('\n') ? '' : '\n'}--- &a {}\n`))
  for (const pointer of pointers(value))
    assert.is(quick.offset(0, pointer), whole.offset(0, pointer), `${JSON.stringify(pointer)} of ${text}`)
}

test('what machines write is taken, with the same values and places', () => {
  assert.ok(compare(STYLES))
  comparePlaces(STYLES)
  let taken = 0
  for (const bytes of files) {
    if (!compare(bytes)) continue
    taken++
    comparePlaces(bytes)
  }
  assert.ok(taken > files.length * 0.8, `${taken} of ${files.length}`)
})

test('what is out of the ordinary is left', () => {
  const texts = [
    'a: &x 1',
    'a: *x',
    'a: !!str 1',
    '? a\n: b',
    '%YAML 1.1\n---\na: 1',
    'a: 1\na: 2',
    'a: b: c',
    'a: [1, 2',
    'a: "b',
    '',
    'text',
    'a\tb: 1\n\tc: 2',
  ]
  for (const text of [
    ...texts,
    'a:\n  b: 1\n c: 2',
    '- a\nb: 1',
    'a: |3\n   x',
    'a: [b: c]',
    '<<: {a: 1}',
    'a: { | b: 1 }',
    '- {}\u0002',
    '- '.repeat(400),
    '['.repeat(400),
  ])
    assert.is(readQuickly(text, VALUES), undefined, text)
})

test('mutated texts: what is taken has no mistake and the same value', () => {
  const random = seeded(11)
  let taken = 0
  for (let number = 0; number < 1500; number++)
    if (compare(mutateBytes(random.one([STYLES, STYLES, ...files]), random, files).subarray(0, 4000))) taken++
  assert.ok(taken > 200, `${taken}`)
})

test.run()
