/**
 * Damaged configurations before the compiler and a real Envoy: refused or taken. In: files of snapshots, how many cases, a seed. Out: how the verdicts compare, and
 * each disagreement. The same seed draws the same cases from the same files.
 */
import { readFileSync } from 'node:fs'
import { seeded } from '../probes/random.ts'
import { bootstrapOf, toBootstrap } from './bootstraps.ts'
import type { Json, JsonObject } from './envoy.ts'
import { collectSeen, mutate } from './mutate.ts'
import { type Verdicts, verdicts } from './refusals.ts'

export interface Disagreement {
  readonly file: string
  /** what was damaged; '' for a whole file */
  readonly what: string
  readonly verdict: Verdicts
  readonly config: JsonObject
}

export interface RefusalReport {
  readonly counts: Readonly<Record<Verdicts['kind'], number>>
  readonly disagreements: readonly Disagreement[]
}

interface Base {
  readonly file: string
  readonly bootstrap: JsonObject
}

/** The files as they are. */
export async function compareFiles(files: readonly string[]): Promise<RefusalReport> {
  const tally = createTally()
  for (const { file, bootstrap } of read(files)) tally.add(file, '', bootstrap, await verdicts(bootstrap))
  return tally.report
}

export async function fuzzRefusals(files: readonly string[], cases: number, seed: number): Promise<RefusalReport> {
  const found = read(files)
  const seen = collectSeen(found.map(({ bootstrap }) => bootstrap))
  const random = seeded(seed)
  const known = new Map<string, readonly JsonObject[]>()
  const tally = createTally()
  for (let done = 0; done < cases; ) {
    const { file, bootstrap } = random.one(found)
    const bases = known.get(file) ?? (await basesOf(bootstrap))
    known.set(file, bases)
    const mutation = bases.length === 0 ? undefined : mutate(random.one(bases), seen, (below) => random.whole(0, below - 1))
    if (mutation === undefined) continue
    done++
    tally.add(file, mutation.what, mutation.config, await verdicts(mutation.config))
  }
  return tally.report
}

function createTally() {
  const counts = { agree: 0, machine: 0, 'we refuse': 0, 'we take': 0 }
  const disagreements: Disagreement[] = []
  return {
    report: { counts, disagreements },
    add(file: string, what: string, config: JsonObject, verdict: Verdicts): void {
      counts[verdict.kind]++
      if (verdict.kind === 'we refuse' || verdict.kind === 'we take') disagreements.push({ file, what, verdict, config })
    },
  }
}

/** The whole, or its first resources alone with all clusters, as far as both take them. */
async function basesOf(bootstrap: JsonObject): Promise<readonly JsonObject[]> {
  const areTaken = async (one: JsonObject): Promise<boolean> => {
    const { envoy, ours } = await verdicts(one)
    return envoy === undefined && ours.length === 0
  }
  if (await areTaken(bootstrap)) return [bootstrap]
  const { listeners, clusters } = bootstrap.static_resources as { readonly listeners: readonly Json[]; readonly clusters: readonly Json[] }
  const alone = [
    ...listeners.slice(0, FIRST).map((one) => bootstrapOf([one], clusters)),
    ...clusters.slice(0, FIRST).map((one) => bootstrapOf([], [one])),
  ]
  const bases: JsonObject[] = []
  for (const one of alone) if (await areTaken(one)) bases.push(one)
  return bases
}

const FIRST = 4

function read(files: readonly string[]): readonly Base[] {
  return files.flatMap((file) => {
    try {
      const bootstrap = toBootstrap(readFileSync(file, 'utf8'))
      return bootstrap === undefined ? [] : [{ file, bootstrap }]
    } catch {
      // some are broken on purpose
      return []
    }
  })
}
