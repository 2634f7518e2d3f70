/** Starts storm.py at a place. In: jobs; out: what came of them (fields: storm.py). */
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
  readonly most: number
}

export interface Storm {
  run(job: StormJob): Promise<StormTally>
  stop(): void
}

const PROGRAM = fileURLToPath(new URL('storm.py', import.meta.url))

export function startStorm(place: Place): Storm {
  const child = startLineProcess(PROGRAM, place)
  return { run: (job) => child.ask<StormTally>(job), stop: child.stop }
}
