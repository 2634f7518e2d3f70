/**
 * Random services before all three judges. In: a seed, a range of case numbers. Out: what was judged, and what is wrong with which case, in words.
 * Cases go into snapshots of BATCH each, so that an Envoy and an apply serve many; the compiler looks at each case alone first, and one that it refuses is wrong as well:
 * Envoy takes whatever is drawn.
 */
import { analyse } from '../../compiler/compile.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { openToolchain } from '../../compiler/emit/clang.ts'
import type { JsonObject } from '../oracle/envoy.ts'
import { judgeByEnvoy, judgeByKernel, type Judgement } from './judge-cases.ts'
import { type JudgedCase, type ProbedSnapshot, toJudgedCase } from './judged-case.ts'
import { type RandomCase, randomCase } from './random-case.ts'

export interface FuzzRange {
  readonly seed: number
  readonly first: number
  readonly cases: number
}

export interface FuzzReport {
  readonly judged: Readonly<Record<'cases' | 'probes' | 'kernelDials' | 'envoyDials', number>>
  /** case name -> one line each */
  readonly wrong: ReadonlyMap<string, readonly string[]>
}

const BATCH = 20
const OPTIONS = { resolve: new Map(), addresses: [], plaintextTo: new Set<'istio'>(), strict: false }
const NO_SKIP = { resources: {}, probes: {} }

export async function fuzz({ seed, first, cases }: FuzzRange, progress: (done: number) => void): Promise<FuzzReport> {
  const wrong = new Map<string, string[]>()
  const say = (name: string, line: string): void => void wrong.set(name, [...(wrong.get(name) ?? []), line])
  const drawn = Array.from({ length: cases }, (_, index) => randomCase(seed, first + index)).filter((one) => isTaken(one, say))
  const batches: JudgedCase[] = []
  const toolchain = await openToolchain()
  for (let from = 0; from < drawn.length; from += BATCH) {
    const diag = createDiagnostics()
    const judged = await toJudgedCase(snapshotOf(drawn.slice(from, from + BATCH)), toolchain, diag)
    const errors = diag.list.filter(({ severity }) => severity === 'error').map(({ message }) => message)
    if (judged === undefined) throw new Error(`cases that compile alone do not together: ${errors.join('; ')}`)
    batches.push(judged)
  }
  const kernel = judgeByKernel(batches)
  const envoy = judgeByEnvoy(batches, () => NO_SKIP)
  let probes = 0
  let kernelDials = 0
  let envoyDials = 0
  for (const [index, { name }] of batches.entries()) {
    const [byKernel, byEnvoy] = await Promise.all([kernel.get(name), envoy.get(name)] as Promise<Judgement>[])
    if (byKernel === undefined || byEnvoy === undefined) throw new Error(`${name} was not judged`)
    probes += byEnvoy.probes
    kernelDials += byKernel.dials
    envoyDials += byEnvoy.dials
    for (const line of byKernel.wrong) say(caseOf(line) ?? name, `kernel: ${line}`)
    for (const line of byEnvoy.wrong) say(caseOf(line) ?? name, `envoy: ${line}`)
    progress(Math.min(drawn.length, (index + 1) * BATCH))
  }
  return { judged: { cases: drawn.length, probes, kernelDials, envoyDials }, wrong }
}

/** A case alone as what a fixture holds. */
export function snapshotOf(cases: readonly RandomCase[]): ProbedSnapshot {
  const resources: readonly JsonObject[] = cases.flatMap((one) => one.resources)
  return {
    name: `${cases[0]?.name} and ${cases.length - 1} more`,
    sources: [{ name: 'snapshot.json', bytes: Buffer.from(JSON.stringify(resources)) }],
    options: OPTIONS,
    probes: cases.flatMap((one) => one.probes),
  }
}

function isTaken(one: RandomCase, say: (name: string, line: string) => void): boolean {
  const diag = createDiagnostics()
  const { sources, options } = snapshotOf([one])
  analyse(sources, options, diag, () => undefined)
  for (const { code, message, path, severity } of diag.list)
    if (severity === 'error') say(one.name, `compiler: ${code} ${message} at ${path}`)
  return !diag.failed
}

function caseOf(line: string): string | undefined {
  return /\bcase-\d+/.exec(line)?.[0]
}
