import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { optionMistake } from './option-mistake.ts'

const RULES = { switches: ['json', 'strict'], lists: ['_', 'header'] }

test('a switch has no value but true and false', () => {
  assert.is(optionMistake(['check', '--strict=yes'], {}, RULES), '--strict takes no value')
  assert.is(optionMistake(['check', '--no-strict=1'], {}, RULES), '--strict takes no value')
  for (const argv of [['--strict=false'], ['--strict'], ['--other=yes'], ['--', '--strict=yes']])
    assert.is(optionMistake(argv, {}, RULES), undefined)
})

test('what is no list is given once', () => {
  assert.is(optionMistake([], { routeConfig: ['a', 'b'] }, RULES), 'give --route-config once')
  assert.is(optionMistake([], { _: ['check'], header: ['a', 'b'], format: 'json', json: true }, RULES), undefined)
})

test('--json is --format json', () => {
  assert.is(optionMistake([], { json: true, format: 'sarif' }, RULES), 'give --json or --format sarif, not both')
  assert.is(optionMistake([], { json: false, format: 'sarif' }, RULES), undefined)
})

test.run()
