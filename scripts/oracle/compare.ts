/**
 * Holds what Envoy answered against `evalBalance`. In: a case and its answer. Out: what is wrong, in words; empty: they agree.
 * Counts of chance are compared with a bound of 5 standard deviations, so that hundreds of comparisons do not fail by chance.
 */
import { xxHash64Text } from '../../compiler/balance/hash.ts'
import { evalBalance } from '../../compiler/balance/table.ts'
import type { Answers } from './answers.ts'
import { digitOf } from './answers.ts'
import type { BalanceCase } from './balance-cases.ts'
import { SOURCES } from './judge-balance.ts'

const SIGMAS = 5

/** The answer is for the first sources, as many as it is long. */
export function compareHashed(one: BalanceCase, answer: string): readonly string[] {
  const wrong: string[] = []
  for (const [index, source] of SOURCES.slice(0, answer.length).entries()) {
    const [endpoint = null] = evalBalance(one.balance, xxHash64Text(source)).shares.keys()
    const expected = digitOf(one, endpoint)
    if (answer[index] !== expected) wrong.push(`${one.name}: ${source} meets ${answer[index]}, expected ${expected}`)
  }
  return wrong
}

export function compareShares(one: BalanceCase, answer: Answers['shares'][string]): readonly string[] {
  const { shares, refused } = evalBalance(one.balance)
  const expected = new Map([...shares].map(([endpoint, share]) => [digitOf(one, endpoint), share]))
  const wrong = [...new Set([...expected.keys(), ...Object.keys(answer.met)])].flatMap((digit) =>
    check(one.name, digit, answer.met[digit] ?? 0, answer.dials, expected.get(digit) ?? 0),
  )
  return [...wrong, ...check(one.name, 'closed', answer.closed, answer.dials, refused)]
}

function check(name: string, what: string, count: number, dials: number, share: number): readonly string[] {
  const bound = SIGMAS * Math.sqrt(dials * share * (1 - share)) + (share > 1e-9 && share < 1 - 1e-9 ? 1 : 1e-6)
  return Math.abs(count - dials * share) <= bound
    ? []
    : [`${name}: ${what} met ${count} times of ${dials}, expected ${(dials * share).toFixed(1)}`]
}
