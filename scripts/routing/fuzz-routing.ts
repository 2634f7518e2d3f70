/**
 * Random routes before the interpreter and a real Envoy. In: a seed and how many cases. Out: how many pairs of configuration and request were judged, and every
 * case on which the two do not agree, with what differs.
 */
import { askEnvoy } from './ask-envoy.ts'
import { createJudge, errorsOf } from './ask-interpreter.ts'
import { compareOutcome } from './compare.ts'
import { randomRoutingCase } from './random-case.ts'
import type { RoutingCase, RoutingRequest, Verdict } from './routing-case.ts'

export interface Tally {
  cases: number
  /** configurations that both refuse */
  refused: number
  /** pairs of configuration and request that both judged */
  pairs: number
  undecided: number
  /** what Envoy's codec took for no request */
  skipped: number
}

export interface Disagreement {
  readonly id: string
  /** undefined: about the configuration as a whole */
  readonly request: RoutingRequest | undefined
  readonly why: readonly string[]
}

export function newTally(): Tally {
  return { cases: 0, refused: 0, pairs: 0, undecided: 0, skipped: 0 }
}

/** Cases `first` to `first + count - 1` of a seed, in one Envoy. `record` gets every case and what Envoy said. */
export async function fuzzRouting(
  { seed, first, count, port }: { readonly seed: number; readonly first: number; readonly count: number; readonly port: number },
  tally: Tally,
  record?: (one: RoutingCase, verdict: Verdict) => void,
): Promise<readonly Disagreement[]> {
  const cases = Array.from({ length: count }, (_, index) => randomRoutingCase(seed, first + index))
  const verdicts = await askEnvoy(cases, { port })
  return cases.flatMap((one, index) => {
    const verdict = verdicts[index] as Verdict
    record?.(one, verdict)
    return judge(one, verdict, tally)
  })
}

/** One case under both; counts into the tally. */
export function judge(one: RoutingCase, verdict: Verdict, tally: Tally): readonly Disagreement[] {
  tally.cases++
  const errors = errorsOf(one)
  if (verdict.kind === 'refused') {
    if (errors.length > 0) tally.refused++
    return errors.length > 0 ? [] : [{ id: one.id, request: undefined, why: [`taken, Envoy refuses: ${verdict.error}`] }]
  }
  if (errors.length > 0) return [{ id: one.id, request: undefined, why: [`Envoy takes it, refused: ${errors.join('; ')}`] }]
  const decide = createJudge(one)
  return one.requests.flatMap((request, index): readonly Disagreement[] => {
    const outcome = verdict.outcomes[index]
    if (outcome === undefined) return []
    const compared = compareOutcome(outcome, decide(request))
    if (compared.kind === 'none') {
      tally.skipped++
      return []
    }
    tally.pairs++
    if (compared.kind === 'same') return []
    if (compared.kind === 'undecided') tally.undecided++
    return [{ id: one.id, request, why: compared.kind === 'undecided' ? [`undecided: ${compared.why}`] : compared.why }]
  })
}
