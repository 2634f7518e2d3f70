/** The recorded answers of a real Envoy (answers.json, scripts/oracle/record.ts) against the meaning of a Balance. Needs no Envoy. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answers } from '../../scripts/oracle/answers.ts'
import { HASH_CASES, SHARE_CASES } from '../../scripts/oracle/balance-cases.ts'
import { compareHashed, compareShares } from '../../scripts/oracle/compare.ts'
import { SOURCES } from '../../scripts/oracle/judge-balance.ts'
import { evalBalance } from './table.ts'

const answers = JSON.parse(readFileSync(join(import.meta.dirname, 'answers.json'), 'utf8')) as Answers

test('every case has an answer', () => {
  assert.equal(Object.keys(answers.hashed).sort(), HASH_CASES.map((one) => one.name).sort())
  assert.equal(Object.keys(answers.shares).sort(), SHARE_CASES.map((one) => one.name).sort())
  for (const [name, answer] of Object.entries(answers.hashed)) assert.is(answer.length, SOURCES.length, name)
})

for (const one of HASH_CASES) {
  test(`${one.name}: the same endpoint for each of ${SOURCES.length} source addresses`, () => {
    assert.equal(compareHashed(one, answers.hashed[one.name] as string), [])
  })
}

for (const one of SHARE_CASES) {
  test(`${one.name}: shares`, () => {
    assert.equal(compareShares(one, answers.shares[one.name] as Answers['shares'][string]), [])
    const { shares, refused } = evalBalance(one.balance)
    assert.ok(Math.abs([...shares.values()].reduce((a, b) => a + b, refused) - 1) < 1e-9)
  })
}

test('a wrong answer is noticed', () => {
  const [one] = HASH_CASES as [(typeof HASH_CASES)[number]]
  const answer = answers.hashed[one.name] as string
  assert.is(compareHashed(one, (answer[0] === '0' ? '1' : '0') + answer.slice(1)).length, 1)
  const [share] = SHARE_CASES as [(typeof SHARE_CASES)[number]]
  assert.ok(compareShares(share, { dials: 2000, closed: 0, met: { 0: 700, 1: 400, 2: 450, 3: 450 } }).length > 0)
  assert.ok(compareShares(share, { dials: 2000, closed: 1, met: { 0: 499, 1: 500, 2: 500, 3: 500 } }).length > 0)
})

test.run()
