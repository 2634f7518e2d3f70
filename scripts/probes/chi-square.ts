/**
 * Whether many counts are off together, each by too little to be noticed alone. In: what was seen and what is expected, for each outcome. Out: how many standard
 * deviations Pearson's sum is above what chance gives (Wilson and Hilferty's approximation). Outcomes that are expected less than FEW times count as one.
 */
const FEW = 5

export interface Count {
  readonly seen: number
  readonly expected: number
}

/** -Infinity where there is nothing to compare. */
export function excess(counts: readonly Count[]): number {
  const many = counts.filter(({ expected }) => expected >= FEW)
  const few = counts.filter(({ expected }) => expected < FEW)
  const sum = (what: keyof Count): number => few.reduce((total, count) => total + count[what], 0)
  const cells = sum('expected') >= FEW ? [...many, { seen: sum('seen'), expected: sum('expected') }] : many
  const freedom = cells.length - 1
  if (freedom < 1) return Number.NEGATIVE_INFINITY
  const pearson = cells.reduce((total, { seen, expected }) => total + (seen - expected) ** 2 / expected, 0)
  const width = 2 / (9 * freedom)
  return (Math.cbrt(pearson / freedom) - (1 - width)) / Math.sqrt(width)
}
