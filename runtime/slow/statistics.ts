/** What the slow path counts. In: names. Out: counts since the start; each is passed on at once to who keeps them for longer. */
export interface SlowStatistics {
  count(name: SlowCounter): void
  /** an answer that no upstream gave */
  countReply(status: number): void
  readonly all: ReadonlyMap<SlowCounter, number>
}

export type SlowCounter =
  | 'connections'
  | 'requests'
  | 'refused'
  | 'answered'
  | 'forwarded'
  | 'retries'
  | 'timeouts'
  | 'upstream_failures'
  | 'cut_off'
  | 'mirrored'
  | 'tunnels'
  | 'waypoint'
  /** needed one, and there is none */
  | 'no_waypoint'
  | 'http2'
  | 'returned'

/** Keeps counts beyond this process. */
export interface CountKeeper {
  add(name: `slow_${SlowCounter}`): void
  addReply(status: number): void
}

export function createSlowStatistics(keeper?: CountKeeper): SlowStatistics {
  const all = new Map<SlowCounter, number>()
  return {
    all,
    count: (name) => {
      all.set(name, (all.get(name) ?? 0) + 1)
      keeper?.add(`slow_${name}`)
    },
    countReply: (status) => keeper?.addReply(status),
  }
}
