/**
 * One probe before one judge. In: a judge that dials, a probe, what the interpreter says. Out: whether they agree, after as many dials as that takes.
 */
import type { Probe } from '../golden/probe.ts'
import { compare, type Seen } from './agreement.ts'
import type { Decision } from '../../compiler/ir/eval.ts'
import { wholeShares } from './shares.ts'

export interface Judge {
  readonly name: 'kernel' | 'envoy'
  /** see compare() */
  readonly slack: number
  dial(probe: Probe, decision: Decision, count: number): Promise<Seen>
}

export type Finding =
  | { readonly kind: 'agrees'; readonly dials: number }
  | { readonly kind: 'differs'; readonly dials: number; readonly why: string }

/** Answers that cannot vary are asked for more than once: a second connection may meet what the first left behind. */
const CERTAIN_DIALS = 3
const RANDOM_DIALS = 300
const LONGEST_CYCLE = 400
/** what a probe may ask for */
const MOST_DIALS = 1000
/** Each unlikely tally is followed by a longer one; the last one decides. */
const REPEATS = [1, 2, 4]

export async function judgeProbe(judge: Judge, probe: Probe, decision: Decision): Promise<Finding> {
  const count = dialsFor(probe, decision)
  const unlikely: string[] = []
  let dials = 0
  for (const times of REPEATS) {
    const seen = await judge.dial(probe, decision, count * times)
    dials += count * times
    const verdict = compare(decision, seen, judge.slack)
    if (verdict.kind === 'agrees') return { kind: 'agrees', dials }
    unlikely.push(verdict.why)
    if (verdict.kind === 'differs') break
  }
  return { kind: 'differs', dials, why: unlikely.join('; then ') }
}

/** Whole cycles where there are any of a usable length. */
export function dialsFor(probe: Probe, decision: Decision): number {
  const { places, refused, passed, cycle } = wholeShares(decision)
  if ([...places.values(), refused, passed].some((share) => share === 1)) return CERTAIN_DIALS
  if (cycle !== undefined && cycle <= LONGEST_CYCLE)
    return cycle * Math.max(1, Math.ceil(Math.min(probe.count ?? 12, LONGEST_CYCLE) / cycle))
  return Math.min(MOST_DIALS, Math.max(RANDOM_DIALS, probe.count ?? 0))
}
