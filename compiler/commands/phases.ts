/**
 * Times of the phases, and progress on a terminal. In: the beginnings of phases. Out: a list of {phase, ms}; a bar on standard error when that is
 * a terminal and the work takes longer than a glance.
 */
import { SingleBar } from 'cli-progress'
import type { Clock } from '../compile.ts'
import { tidyMemory } from './spare-memory.ts'

export interface PhaseTime {
  readonly phase: string
  readonly ms: number
}

/** Phases of a whole compile, for the bar's length. */
const PHASES = 10

export function startPhases(): { readonly clock: Clock; readonly end: () => readonly PhaseTime[] } {
  const times: PhaseTime[] = []
  const bar =
    process.stderr.isTTY === true
      ? new SingleBar({ format: 'kmeshc {bar} {phase}', clearOnComplete: true, stream: process.stderr })
      : undefined
  const began = performance.now()
  let current: { phase: string; since: number } | undefined
  let shown = false
  const close = (): void => {
    if (current !== undefined) times.push({ phase: current.phase, ms: Math.round((performance.now() - current.since) * 100) / 100 })
    current = undefined
  }
  return {
    clock(phase) {
      close()
      tidyMemory()
      current = { phase, since: performance.now() }
      if (bar === undefined || performance.now() - began < 300) return
      if (shown) bar.update(times.length, { phase })
      else bar.start(PHASES, times.length, { phase })
      shown = true
    },
    end() {
      close()
      if (shown) bar?.stop()
      return times
    },
  }
}
