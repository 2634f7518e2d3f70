/** A Decision as shares of connections. In: what the interpreter says. Out: a probability for each place, for refusals and for being left alone. */
import type { Decision } from '../../compiler/ir/eval.ts'

export interface WholeShares {
  readonly places: ReadonlyMap<string, number>
  readonly refused: number
  readonly passed: number
  readonly cycle?: number
}

/** Sums of products come to 1 only up to this. */
const ROUNDING = 1e-9

export function wholeShares(decision: Decision): WholeShares {
  if (decision.outcome === 'passed') return { places: new Map(), refused: 0, passed: 1 }
  if (decision.outcome === 'refused') return { places: new Map(), refused: 1, passed: 0 }
  const { shares, refused, passed, cycle } = decision
  return {
    places: new Map([...shares].map(([place, share]) => [place, rounded(share)])),
    refused: rounded([...refused.values()].reduce((sum, share) => sum + share, 0)),
    passed: rounded(passed),
    ...(cycle === undefined ? {} : { cycle }),
  }
}

function rounded(share: number): number {
  return Math.abs(share) < ROUNDING ? 0 : Math.abs(1 - share) < ROUNDING ? 1 : share
}
