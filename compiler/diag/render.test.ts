import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Diagnostic } from './diagnostic.ts'
import { renderText } from './render.ts'

const one: Diagnostic = {
  code: 'KM1101',
  severity: 'error',
  message: 'needs a text, not 5',
  path: 'cds["a"].name',
  fix: 'write "5"',
  file: 'snapshot.json',
  line: 41,
  column: 17,
}

test('four lines and a total', () => {
  assert.is(
    renderText([one], { colour: false }),
    'error KM1101: needs a text, not 5\n  at  cds["a"].name\n  in  snapshot.json:41:17\n  fix write "5"      (kmeshc explain KM1101)\n1 error\n',
  )
})

test('what is not there has no line', () => {
  const { file, line, column, fix, ...bare } = one
  assert.is(
    renderText([{ ...bare, path: '', severity: 'warning' }], { colour: false }),
    'warning KM1101: needs a text, not 5\n      (kmeshc explain KM1101)\n1 warning\n',
  )
  assert.ok(file && line && column && fix)
})

test('a code that is met very often is cut, and counted', () => {
  const text = renderText(
    Array.from({ length: 1000 }, () => one),
    { colour: false, most: 3 },
  )
  assert.is(text.split('error KM1101:').length - 1, 3)
  assert.match(text, /and 997 more KM1101 \(--json lists all\)\n1000 errors\n$/)
})

test('colours only when asked; text of the snapshot cannot write lines or move the cursor', () => {
  assert.ok(renderText([one], { colour: true }).startsWith('\u001b[31;1merror KM1101\u001b[0m: '))
  const text = renderText([{ ...one, message: 'a\nerror KM0000\u001b[2J\u202e', path: 'cds["\r"]' }], { colour: false })
  for (const odd of ['\u001b', '\r', '\u202e', '\nerror KM0000']) assert.not(text.includes(odd))
  assert.match(text, /a\\u000aerror KM0000\\u001b\[2J\\u202e/)
})

test('nothing for nothing', () => {
  assert.is(renderText([], { colour: true }), '')
})

test.run()
