/**
 * Many cases before one judge, one after the other. In: cases. Out: for each name a promise of what was judged and what is wrong, in words; an error of a judge is one
 * wrong thing of its case. Invariant: when the last promise is kept, nothing of the judge is left.
 */
import { startEnvoyJudge } from './envoy-judge.ts'
import type { EnvoySkip } from './envoy-skip.ts'
import { type Judge, judgeProbe } from './judge-probe.ts'
import type { JudgedCase } from './judged-case.ts'
import { startKernelJudge } from './kernel-judge.ts'

export interface Judgement {
  readonly probes: number
  readonly dials: number
  /** one line each; empty: all agree */
  readonly wrong: readonly string[]
}

type Judgements = ReadonlyMap<string, Promise<Judgement>>

export function judgeByKernel(cases: readonly JudgedCase[]): Judgements {
  const started = startKernelJudge(cases)
  const judgements = inOrder(cases, async (judged) => judgeAll(await (await started).open(judged), judged, {}))
  // where it did not start, every judgement says so
  void Promise.all(judgements.values())
    .then(async () => (await started).close())
    .catch(() => {})
  return judgements
}

export function judgeByEnvoy(cases: readonly JudgedCase[], skipOf: (name: string) => EnvoySkip): Judgements {
  return inOrder(cases, async (judged) => {
    const skip = skipOf(judged.name)
    const envoy = await startEnvoyJudge(judged, new Set(Object.keys(skip.resources)))
    try {
      const { wrong, ...counts } = await judgeAll(envoy, judged, skip.probes)
      const missing = Object.keys(skip.resources).filter((name) => !envoy.leftOut.includes(name))
      return { ...counts, wrong: [...wrong, ...envoy.refused, ...missing.map((name) => `no resource "${name}" to leave out`)] }
    } finally {
      await envoy.close()
    }
  })
}

async function judgeAll(judge: Judge, { expected }: JudgedCase, skipped: Readonly<Record<string, string>>): Promise<Judgement> {
  const wrong: string[] = []
  const asked = expected.filter(({ probe }) => !Object.hasOwn(skipped, probe.id))
  let dials = 0
  for (const { probe, decision } of asked) {
    const finding = await judgeProbe(judge, probe, decision)
    dials += finding.dials
    if (finding.kind === 'differs') wrong.push(`${probe.id}: ${finding.why}`)
  }
  return { probes: asked.length, dials, wrong }
}

function inOrder(cases: readonly JudgedCase[], work: (judged: JudgedCase) => Promise<Judgement>): Judgements {
  const judgements = new Map<string, Promise<Judgement>>()
  let last: Promise<unknown> = Promise.resolve()
  for (const judged of cases) {
    const failed = (error: unknown): Judgement => ({ probes: 0, dials: 0, wrong: [error instanceof Error ? error.message : String(error)] })
    const judgement = last.then(() => work(judged)).catch(failed)
    judgements.set(judged.name, judgement)
    last = judgement
  }
  return judgements
}
