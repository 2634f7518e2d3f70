/** RE2's syntax, full match, and GlobalReplace. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRegex } from './regex.ts'

test('syntax that RE2 refuses has an error and matches nothing', () => {
  for (const source of ['(?=a)', '(?<=a)', '(a)\\1', 'a{1,1001}', '(', 'a**', '[z-a]', '*a']) {
    const regex = createRegex(source)
    assert.ok(regex.error !== undefined, source)
    assert.not.ok(regex.matches('a'), source)
  }
})

test('syntax of RE2 that JavaScript does not have', () => {
  assert.ok(createRegex('(?i)ab').matches('AB'))
  assert.ok(createRegex('(?P<x>a)').matches('a'))
  assert.ok(createRegex('[[:alpha:]]+').matches('abc'))
  assert.ok(createRegex('\\Qa.b\\E').matches('a.b'))
  assert.ok(createRegex('\\pL').matches('a'))
  assert.not.ok(createRegex('.*').matches('a\nb'))
})

test('pattern and text are bytes of UTF-8, as in Envoy', () => {
  const rows: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
    ['.', 'é', false],
    ['..', 'é', true],
    ['.{3}', '€', true],
    ['é', 'é', true],
    ['(?i)é', 'É', false],
    ['[é]', 'é', false],
    ['[é]+', 'é', true],
    ['\\x{e9}', 'é', false],
    ['\\xc3\\xa9', 'é', true],
    ['\\pL', 'é', false],
    ['\\pL\\W', 'é', true],
    ['[^a]', 'é', false],
    ['\\C\\C', 'é', true],
    ['(?i)k', 'K', true],
  ]
  for (const [pattern, text, matches] of rows) assert.is(createRegex(pattern).matches(text), matches, `${pattern} ${text}`)
  assert.is(createRegex('^.').replaceAll('éa', ''), '\udca9a', 'half a character is kept as a byte')
})

test('two groups may have one name', () => {
  assert.ok(createRegex('(?P<n>a)(?P<n>b)').matches('ab'))
})

test('the whole text must match, whichever alternative comes first', () => {
  assert.ok(createRegex('a|ab').matches('ab'))
  assert.not.ok(createRegex('a').matches('ab'))
  assert.not.ok(createRegex('a').matches('ba'))
})

test('replaceAll is GlobalReplace', () => {
  const replace = (source: string, text: string, substitution: string): string => createRegex(source).replaceAll(text, substitution)
  assert.is(replace('a', 'banana', 'o'), 'bonono')
  assert.is(replace('/(a)/(b)', '/a/b', '/\\2/\\1'), '/b/a')
  assert.is(replace('b', 'abc', '<\\0>'), 'a<b>c')
  assert.is(replace('x*', 'abc', '-'), '-a-b-c-')
  assert.is(replace('a*', 'baac', '-'), '-b-c-')
  assert.is(replace('^/', '//a', '/x/'), '/x//a')
  assert.is(replace('z', 'abc', 'y'), 'abc')
})

test('a substitution that names no group, or escapes badly', () => {
  const replace = (substitution: string): string => createRegex('(a)').replaceAll('bab', substitution)
  assert.is(replace('\\2'), 'bab')
  assert.is(replace('\\\\'), 'b\\b')
  assert.is(replace('1\\x2'), 'b1b')
})

test('named groups of a whole match', () => {
  assert.equal(
    [...(createRegex('/(?P<a>[^/]+)/(?P<b>.*)').groups('/x/y') ?? [])],
    [
      ['a', 'x'],
      ['b', 'y'],
    ],
  )
  assert.is(createRegex('(?P<a>x)').groups('y'), undefined)
})

test.run()
