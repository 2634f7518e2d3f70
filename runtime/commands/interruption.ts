/**
 * Signals that ask a command to end. In: nothing; out: whether one came. From then on a signal no longer ends the process in the midst of its work:
 * the command looks while it can still undo everything, and otherwise goes on to its end, which is near.
 */
import { type ApplyStep, APPLY_STEPS } from '../apply-request.ts'
import { coded } from '../coded-error.ts'
import { DELTA_STEPS, type DeltaStep } from '../delta/apply-delta.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface Interruption {
  /** Throws KM9125 before a step of apply that can be undone, when a signal has come. */
  check(step: Step): void
  /** the first signal, if one ever comes */
  readonly asked: Promise<NodeJS.Signals>
}

type Step = ApplyStep | DeltaStep

/** After the probes nothing is undone any more. */
const UNDONE: ReadonlySet<Step> = new Set([APPLY_STEPS, DELTA_STEPS].flatMap((steps) => untilProbes(steps)))

function untilProbes(steps: readonly Step[]): readonly Step[] {
  return steps.slice(0, steps.indexOf('probe') + 1)
}

export function watchInterruption(): Interruption {
  let came: NodeJS.Signals | undefined
  let tell: (signal: NodeJS.Signals) => void = () => undefined
  const asked = new Promise<NodeJS.Signals>((resolve) => {
    tell = resolve
  })
  const note = (signal: NodeJS.Signals): void => {
    came = signal
    tell(signal)
  }
  for (const signal of SIGNALS) process.on(signal, note)
  return {
    asked,
    check: (step) => {
      if (came !== undefined && UNDONE.has(step)) throw coded('KM9125', `interrupted by ${came}; nothing was changed`)
    },
  }
}
