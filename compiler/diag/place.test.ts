import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Diagnostic } from './diagnostic.ts'
import { placed } from './place.ts'

const at: Readonly<Record<string, number>> = { 'cds["a"].x': 9, 'cds["b"].x': 3 }
const locate = (path: string) => (at[path] === undefined ? undefined : { file: 'f.json', line: at[path], column: 2 })
const one = (path: string, message = 'm'): Diagnostic => ({ code: 'KM1101', severity: 'error', message, path })

test('orders by position, whatever the order of reporting; what has none comes last', () => {
  const list = [one('gone'), one('cds["a"].x'), one('cds["b"].x')]
  const ordered = placed(list, locate)
  assert.equal(
    ordered.map(({ path, line }) => [path, line]),
    [
      ['cds["b"].x', 3],
      ['cds["a"].x', 9],
      ['gone', undefined],
    ],
  )
  assert.equal(placed([...list].reverse(), locate), ordered)
})

test('an own position and an own fix stay', () => {
  const [found] = placed([{ ...one('cds["a"].x'), file: 'g', line: 1, column: 1, fix: 'do it' }], locate)
  assert.equal([found?.file, found?.fix], ['g', 'do it'])
})

test('a fix comes from the table, as part of a line', () => {
  assert.is(placed([one('')], locate)[0]?.fix, 'give a value of the type named')
})

test.run()
