import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from './sink.ts'

test('keeps the order, and fails with the first error', () => {
  const diag = createDiagnostics()
  diag.report({ code: 'KM1102', severity: 'warning', message: 'one', path: 'a' })
  assert.is(diag.failed, false)
  diag.report({ code: 'KM1101', severity: 'error', message: 'two', path: 'b' })
  assert.is(diag.failed, true)
  assert.equal(
    diag.list.map(({ message }) => message),
    ['one', 'two'],
  )
})

test('drops an exact repetition only', () => {
  const diag = createDiagnostics()
  const one = { code: 'KM1002', severity: 'error', message: 'the file is empty', path: '' } as const
  diag.report({ ...one, file: 'a' })
  diag.report({ ...one, file: 'a' })
  diag.report({ ...one, file: 'b' })
  assert.equal(
    diag.list.map(({ file }) => file),
    ['a', 'b'],
  )
})

test.run()
