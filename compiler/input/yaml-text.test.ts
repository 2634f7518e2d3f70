import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseYaml } from './yaml-text.ts'

const value = (text: string) => parseYaml(text).values[0]

test('plain scalars are what Envoy makes of them', () => {
  assert.equal(value('a: yes\nb: off\nc: 0x10\nd: 010\ne: 1.50\nf: ~\ng:\nh: "1"\ni: 3000000000\nj: -5\nk: 08\n'), {
    a: true,
    b: false,
    c: 16,
    d: 8,
    e: '1.50',
    f: null,
    g: null,
    h: '1',
    i: '3000000000',
    j: -5,
    k: '08',
  })
})

test('keys are texts, also yes and 1; repeated ones are told, the last one counts', () => {
  assert.equal(value('yes: 1\n2: 3\n'), { yes: 1, 2: 3 })
  const { values, mistakes } = parseYaml('a: 1\nb: 2\na: 3\n')
  assert.equal(values[0], { a: 3, b: 2 })
  assert.equal(
    mistakes.map(({ kind, offset }) => [kind, offset]),
    [['repeated key', 10]],
  )
})

test('a key tagged !ignore goes, its anchors stay', () => {
  assert.equal(value('!ignore shared:\n- &a {x: 1}\nuse: *a\n'), { use: { x: 1 } })
})

test('one mistake for a document that is broken, with its place', () => {
  const { values, mistakes } = parseYaml('{% if x %}\n- name: a\n  b: c\n')
  assert.is(values.length, 0)
  assert.equal(
    mistakes.map(({ kind }) => kind),
    ['syntax'],
  )
  assert.is(parseYaml('a: 1\nb: [1, 2\nc: 3\n').mistakes[0]?.kind, 'syntax')
})

test('several documents; line ends of every kind', () => {
  assert.equal(parseYaml('a: 1\r\n---\r\nb:\r\n  c: 2\r\n').values, [{ a: 1 }, { b: { c: 2 } }])
})

test('an alias bomb is refused quickly', () => {
  let text = 'a0: &a0 [x, x, x, x, x, x, x, x, x]\n'
  for (let level = 1; level < 9; level++)
    text += `a${level}: &a${level} [${Array(9)
      .fill(`*a${level - 1}`)
      .join(', ')}]\n`
  assert.equal(
    parseYaml(text).mistakes.map(({ kind }) => kind),
    ['aliases'],
  )
})

test('so is a large value that is repeated a thousand times', () => {
  const text = `a: &a [${'x, '.repeat(10_000)}x]\nb: [${Array(900).fill('*a').join(', ')}]\n`
  assert.equal(
    parseYaml(text).mistakes.map(({ kind }) => kind),
    ['aliases'],
  )
})

test('deep nesting is refused, however it is written', () => {
  const indented = Array.from({ length: 3000 }, (_, level) => `${' '.repeat(level)}a:\n`).join('')
  for (const text of [
    '['.repeat(100_000),
    '{a: '.repeat(50_000),
    '- '.repeat(100_000),
    '? '.repeat(50_000),
    '- ['.repeat(3000),
    indented,
  ]) {
    const { values, mistakes } = parseYaml(text)
    assert.is(values.length, 0)
    assert.is(mistakes[0]?.kind, 'depth', text.slice(0, 8))
  }
})

test.run()
