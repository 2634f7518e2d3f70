/** Medians and spread of rounds. In: one number a round; out: what the benchmark prints. The median of an empty list is NaN. */
export interface Spread {
  readonly median: number
  /** first and third quartile, smallest and largest */
  readonly p25: number
  readonly p75: number
  readonly min: number
  readonly max: number
}

/** Linear interpolation between the two nearest ranks. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const low = sorted[Math.floor(at)]
  const high = sorted[Math.ceil(at)]
  return low === undefined || high === undefined ? Number.NaN : low + (high - low) * (at - Math.floor(at))
}

export function spread(values: readonly number[]): Spread {
  return {
    median: quantile(values, 0.5),
    p25: quantile(values, 0.25),
    p75: quantile(values, 0.75),
    min: quantile(values, 0),
    max: quantile(values, 1),
  }
}

/** Each value set against the value of the same round: ratios and differences that the drift of a machine leaves alone. */
export function paired(values: readonly number[], base: readonly number[], combine: (value: number, base: number) => number): number[] {
  return values.map((value, round) => combine(value, base[round] ?? Number.NaN))
}
