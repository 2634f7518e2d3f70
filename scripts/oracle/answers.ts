/**
 * What a real Envoy answered, as a file beside the tests that need no Envoy. In: tallies. Out: compact text by case name, and back.
 * A hashed case is one character per source address: the number of the endpoint in the Balance (0-9, a-z, A-Z), or "-" where Envoy closed.
 */
import { endpointsOf } from '../../compiler/balance/health.ts'
import type { Endpoint } from '../../compiler/ir/program.ts'
import type { BalanceCase } from './balance-cases.ts'
import type { Tally } from './dial.ts'
import { nameOf } from './judge-balance.ts'

export interface Answers {
  readonly envoy: string
  /** name -> one character per source */
  readonly hashed: Readonly<Record<string, string>>
  /** name -> dials, dials closed, and dials that met each endpoint by its number */
  readonly shares: Readonly<
    Record<string, { readonly dials: number; readonly closed: number; readonly met: Readonly<Record<string, number>> }>
  >
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

export function digitOf(one: BalanceCase, endpoint: Endpoint | null): string {
  return endpoint === null ? '-' : (DIGITS[allOf(one).indexOf(endpoint)] as string)
}

export function endpointOf(one: BalanceCase, digit: string): Endpoint {
  return allOf(one)[DIGITS.indexOf(digit)] as Endpoint
}

export function toAnswers(envoy: string, cases: readonly BalanceCase[], tallies: readonly Tally[]): Answers {
  const hashed: Record<string, string> = {}
  const shares: Record<string, Answers['shares'][string]> = {}
  for (const [index, one] of cases.entries()) {
    const tally = tallies[index] as Tally
    const byName = new Map(allOf(one).map((endpoint) => [nameOf(endpoint), digitOf(one, endpoint)]))
    const failed = Object.keys(tally.failed)
    if (failed.length > 0) throw new Error(`${one.name}: dials failed with ${failed.join(', ')}`)
    if (one.hashed)
      hashed[one.name] = tally.outcomes.map((outcome) => (outcome.kind === 'reached' ? byName.get(outcome.endpoint) : '-')).join('')
    else {
      const met = Object.entries(tally.reached).map(([name, count]) => [byName.get(name) as string, count] as const)
      shares[one.name] = { dials: tally.outcomes.length, closed: tally.closed, met: Object.fromEntries(met.sort()) }
    }
  }
  return { envoy, hashed, shares }
}

function allOf({ balance }: BalanceCase): readonly Endpoint[] {
  return balance.priorities.flatMap((priority) => endpointsOf(priority))
}
