/**
 * Whether what dials met is what the interpreter says. In: a Decision, a tally of dials, how even a judge's round robin is. Out: a verdict.
 *
 * What is certain is compared exactly: single answers, refusals, connections left alone, places that must not be met, and round robin over whole cycles.
 * What is a matter of chance is `unlikely` when some count is further out than 3 sigma would be (CHANCE, shared by the counts of one probe), or all of them together;
 * judge-probe.ts dials again then, and three unlikely tallies in a row are a difference: a false alarm once in 1e7 probes.
 */
import type { Decision } from '../../compiler/ir/eval.ts'
import { wholeShares } from './shares.ts'
import { surprise } from './binomial.ts'
import { excess } from './chi-square.ts'

/** What a judge saw, in the words of a Decision. */
export interface Seen {
  readonly reached: Readonly<Record<string, number>>
  readonly refused: number
  readonly passed: number
  /** what no judge may see: timeouts of TCP, unknown errors */
  readonly odd: Readonly<Record<string, number>>
}

export type Verdict =
  | { readonly kind: 'agrees' }
  /** chance alone would do this once in 250 times */
  | { readonly kind: 'unlikely'; readonly why: string }
  | { readonly kind: 'differs'; readonly why: string }

/** Two-sided probability outside 3 sigma of a normal distribution. */
export const CHANCE = 0.0027
const SIGMAS = 3

/** `slack`: by how much a count over whole cycles may be off: 0 for the kernel, 1 for a worker of Envoy, whose schedule starts anywhere. */
export function compare(decision: Decision, seen: Seen, slack: number): Verdict {
  const odd = Object.entries(seen.odd).filter(([, count]) => count > 0)
  if (odd.length > 0) return differs(`${odd.map(([what, count]) => `${count} ${what}`).join(', ')}`)
  const { places, refused, passed, cycle } = wholeShares(decision)
  const counts: readonly (readonly [string, number, number])[] = [
    ...[...new Set([...places.keys(), ...Object.keys(seen.reached)])].map(
      (place) => [place, seen.reached[place] ?? 0, places.get(place) ?? 0] as const,
    ),
    ['refused', seen.refused, refused],
    ['passed', seen.passed, passed],
  ]
  const dials = counts.reduce((sum, [, count]) => sum + count, 0)
  if (dials === 0) return differs('nothing was dialled')
  const exact = cycle !== undefined && dials % cycle === 0
  const random = counts.filter(([, , share]) => share > 0 && share < 1).length
  let unlikely: string | undefined
  for (const [what, count, share] of counts) {
    const why = `${what} ${count} of ${dials}, expected ${Math.round(share * dials * 100) / 100}`
    if (share === 0 || share === 1) {
      if (count !== share * dials) return differs(why)
    } else if (exact) {
      if (Math.abs(count - share * dials) > slack + 1e-6) return differs(`${why}, even over ${cycle}`)
    } else if (surprise(count, dials, share) < CHANCE / random) unlikely ??= why
  }
  if (!exact) {
    const sigmas = excess(counts.map(([, count, share]) => ({ seen: count, expected: share * dials })))
    if (sigmas > SIGMAS) unlikely ??= `all counts of ${dials} together are ${sigmas.toFixed(1)} sigma off`
  }
  return unlikely === undefined ? { kind: 'agrees' } : { kind: 'unlikely', why: unlikely }
}

function differs(why: string): Verdict {
  return { kind: 'differs', why }
}
