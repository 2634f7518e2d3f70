/** Adds up the milliseconds of named phases. In: a phase and its work; out: the work's result, and the times. */
export interface Clock<Phase extends string> {
  time<T>(phase: Phase, work: () => T): T
  timeAsync<T>(phase: Phase, work: () => Promise<T>): Promise<T>
  add(phase: Phase, milliseconds: number): void
  spent(phase: Phase): number
  /** since the clock was made */
  total(): number
}

export function createClock<Phase extends string>(): Clock<Phase> {
  const start = performance.now()
  const spent = new Map<Phase, number>()
  const add = (phase: Phase, milliseconds: number): void => {
    spent.set(phase, (spent.get(phase) ?? 0) + milliseconds)
  }
  return {
    add,
    time: (phase, work) => {
      const from = performance.now()
      try {
        return work()
      } finally {
        add(phase, performance.now() - from)
      }
    },
    timeAsync: async (phase, work) => {
      const from = performance.now()
      try {
        return await work()
      } finally {
        add(phase, performance.now() - from)
      }
    },
    spent: (phase) => spent.get(phase) ?? 0,
    total: () => performance.now() - start,
  }
}
