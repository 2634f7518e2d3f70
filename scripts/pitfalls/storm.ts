/** Starts storm.py at a place, in several processes at once. In: jobs; out: what came of them in all (fields: storm.py). */
import { fileURLToPath } from 'node:url'
import { startLineProcess } from '../kit/line-process.ts'
import type { Place } from '../kit/process.ts'

export interface StormJob {
  readonly way: 'abandon' | 'reset' | 'disconnect' | 'hold'
  readonly address: string
  readonly port: number
  readonly family: 'v4' | 'v6'
  readonly threads: number
  readonly seconds: number
}

export interface StormTally {
  readonly tried: number
  readonly made: number
  readonly failed: Readonly<Record<string, number>>
  /** connections that certainly stood at one time, of all processes */
  readonly most: number
}

type Part = Omit<StormTally, 'most'> & { readonly spans: readonly (readonly [from: number, to: number])[] }

export interface Storm {
  run(job: StormJob): Promise<StormTally>
  stop(): void
}

const PROGRAM = fileURLToPath(new URL('storm.py', import.meta.url))

/** Threads of one process share a lock: only processes meet on several CPUs. */
export function startStorm(place: Place, processes = 1): Storm {
  const children = Array.from({ length: processes }, () => startLineProcess(PROGRAM, place))
  return {
    run: async (job) => {
      const threads = Math.ceil(job.threads / processes)
      return tallied(await Promise.all(children.map((child) => child.ask<Part>({ ...job, threads }))))
    },
    stop: () => {
      for (const child of children) child.stop()
    },
  }
}

function tallied(parts: readonly Part[]): StormTally {
  const failed: Record<string, number> = {}
  for (const part of parts) for (const [name, count] of Object.entries(part.failed)) failed[name] = (failed[name] ?? 0) + count
  const sum = (key: 'tried' | 'made'): number => parts.reduce((total, part) => total + part[key], 0)
  return { tried: sum('tried'), made: sum('made'), failed, most: mostAtOnce(parts.flatMap(({ spans }) => spans)) }
}

function mostAtOnce(spans: Part['spans']): number {
  // of two that meet at one instant, the end comes first
  const events = spans.flatMap(([from, to]) => [[from, 1] as const, [to, -1] as const]).sort(([a, x], [b, y]) => a - b || x - y)
  let now = 0
  let most = 0
  for (const [, change] of events) {
    now += change
    most = Math.max(most, now)
  }
  return most
}
