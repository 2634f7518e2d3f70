/** What the verifier says of a program that it takes. In: its log of level BPF_LOG_STATS. Out: numbers; 0 and no stack where a kernel does not say. */
import type { ProvenProgram } from '../../proto/artifact/proof.ts'

export type Statistics = Omit<ProvenProgram, 'program'>

export function readStatistics(log: string): Statistics {
  const number = (pattern: RegExp): number => Number(pattern.exec(log)?.[1] ?? 0)
  const stack = /^stack depth ([0-9+]+)/m.exec(log)?.[1] ?? ''
  return {
    verifiedInstructions: number(/^processed (\d+) insns/m),
    states: number(/\btotal_states (\d+)/),
    peakStates: number(/\bpeak_states (\d+)/),
    stack: stack
      .split('+')
      .filter((part) => part !== '')
      .map(Number),
    microseconds: number(/^verification time (\d+) usec/m),
  }
}
