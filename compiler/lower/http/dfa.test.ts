import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createSketch } from '../../../scripts/routing/sketch.ts'
import { randomRegex } from '../../../scripts/routing/random-regex.ts'
import { bytesOf } from '../../match/byte-text.ts'
import { createRegex } from '../../match/regex.ts'
import { automatonOf } from './automata.ts'
import { type Automaton, DEAD, UNSURE } from './dfa.ts'

function takes({ next, accepts }: Automaton, text: string): boolean | undefined {
  let state = 0
  for (const char of text) {
    state = next[state]?.[char.charCodeAt(0)] ?? DEAD
    if (state === UNSURE) return undefined
    if (state === DEAD) return false
  }
  return accepts[state] === true
}

const matches = (pattern: string, text: string): boolean | undefined => takes(automatonOf(pattern) as Automaton, text)

test('the whole text is matched', () => {
  assert.ok(matches('/api/v[0-9]+', '/api/v12'))
  assert.not.ok(matches('/api/v[0-9]+', '/api/v12/'))
  assert.not.ok(matches('/api/v[0-9]+', 'x/api/v12'))
  assert.ok(matches('a|b*', ''))
  assert.ok(matches('(?i)straSSe', 'STRAsse'))
  assert.ok(matches('(a{2,3}|b)+?c', 'aaabaac'))
  assert.not.ok(matches('.', '\n'))
  assert.ok(matches('(?s).', '\n'))
})

test('assertions look at both sides of their place', () => {
  assert.ok(matches('^a$', 'a'))
  assert.ok(matches('a\\b.*', 'a b'))
  assert.not.ok(matches('a\\b.*', 'ab'))
  assert.ok(matches('a\\B.*', 'ab'))
  assert.not.ok(matches('a^b', 'ab'))
  assert.ok(matches('(?m)a$\\n^b', 'a\nb'))
  assert.not.ok(matches('a$\\n^b', 'a\nb'))
  assert.ok(matches('\\b', '') === false && matches('\\B', ''))
})

test('too many states are none', () => {
  assert.is(automatonOf('(a|b)*a(a|b){9}'), undefined)
  assert.ok((automatonOf('(a|b)*a(a|b){7}')?.next.length ?? 0) > 200)
})

test('it takes what RE2 takes: random patterns, their examples and texts near them', () => {
  let compared = 0
  for (let seed = 1; seed <= 1500; seed++) {
    const sketch = createSketch(seed)
    const { pattern, example } = randomRegex(sketch, 'value')
    const regex = createRegex(pattern)
    if (regex.error !== undefined) continue
    const automaton = automatonOf(pattern)
    if (automaton === undefined) continue
    const texts = [
      `${example}\u00e9`,
      '\u00e9',
      example.replace(/.$/, '\u00c9'),
      example,
      '',
      example.slice(1),
      `${example}x`,
      example.toUpperCase(),
      `${example}\n`,
      example.replace(/./, '/'),
      example + example,
    ]
    for (const text of texts) {
      if (text.includes('\0')) continue
      const taken = takes(automaton, bytesOf(text))
      if (taken === undefined) continue
      compared++
      assert.is(taken, regex.matches(text), `seed ${seed}: ${pattern} on ${JSON.stringify(text)}`)
    }
  }
  assert.ok(compared > 6000, String(compared))
})

test.run()
