import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compareCase } from './compare-case.ts'
import { lineDiff } from './line-diff.ts'

const shown = (old: string, now: string): string =>
  lineDiff(old, now)
    .map(({ sign, text }) => `${sign}${text}`)
    .join('\n')
const numbers = (from: number, to: number): string => Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join('')

test('equal texts have no difference', () => {
  assert.equal(lineDiff('a\nb\n', 'a\nb\n'), [])
  assert.equal(lineDiff('', ''), [])
})

test('a changed line with two lines of context, and where it stands', () => {
  assert.is(shown(numbers(1, 9), numbers(1, 9).replace('5\n', 'five\n')), '@line 3\n 3\n 4\n-5\n+five\n 6\n 7')
})

test('two places far apart are two pieces', () => {
  const now = numbers(1, 20).replace('2\n', '').replace('18\n', '18\n18b\n')
  assert.is(shown(numbers(1, 20), now), '@line 1\n 1\n-2\n 3\n 4\n@line 17\n 17\n 18\n+18b\n 19\n 20')
})

test('everything new, everything gone', () => {
  assert.is(shown('', 'a\nb\n'), '@line 1\n+a\n+b')
  assert.is(shown('a\n', ''), '@line 1\n-a')
})

test('the fewest lines', () => {
  assert.is(shown('a\nb\nc\n', 'b\nc\nd\n'), '@line 1\n-a\n b\n c\n+d')
})

test('long texts that share nothing are shown whole, at once', () => {
  const old = Array.from({ length: 5000 }, (_, index) => `old ${index}\n`).join('')
  const now = Array.from({ length: 5000 }, (_, index) => `new ${index}\n`).join('')
  assert.is(lineDiff(old, now).length, 10_001)
})

test('files of a case', () => {
  const blessed = new Map([
    ['a.txt', '1'],
    ['b.txt', '1'],
    ['c.txt', '1'],
  ])
  const now = new Map([
    ['a.txt', '1'],
    ['b.txt', '2'],
    ['d.txt', '1'],
  ])
  assert.equal(
    compareCase(blessed, now).map(({ file, state }) => `${file} ${state}`),
    ['a.txt same', 'b.txt different', 'c.txt stale', 'd.txt missing'],
  )
})

test.run()
