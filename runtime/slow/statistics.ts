/** What the slow path counts. In: names. Out: counts since the start, for `status`. */
export interface SlowStatistics {
  count(name: SlowCounter): void
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

export function createSlowStatistics(): SlowStatistics {
  const all = new Map<SlowCounter, number>()
  return { all, count: (name) => void all.set(name, (all.get(name) ?? 0) + 1) }
}
