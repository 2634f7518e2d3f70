import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { judge } from './run-tests.ts'

const closing = (total: number, passed: number, skipped: number): string =>
  `• \n\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n`
const outcome = (output: string, code: number | null, timedOut: boolean): readonly [number, number] => {
  const result = judge('a.test.ts', output, { code, timedOut }, 1)
  return [result.passed, result.failed]
}

test('counts single tests', () => {
  assert.equal(outcome(closing(5, 5, 0), 0, false), [5, 0])
  assert.equal(outcome(closing(5, 3, 0), 1, false), [3, 2])
})

test('a crash, a hang, a skip and an empty file are failures', () => {
  assert.equal(outcome('SyntaxError', 1, false), [0, 1])
  assert.equal(outcome('', 0, false), [0, 1])
  assert.equal(outcome(closing(5, 5, 0), null, true), [5, 1])
  assert.equal(outcome(closing(5, 4, 1), 0, false), [4, 1])
  assert.equal(outcome(closing(0, 0, 0), 0, false), [0, 1])
  assert.equal(outcome(closing(5, 5, 0), 1, false), [5, 1])
})

test.run()
