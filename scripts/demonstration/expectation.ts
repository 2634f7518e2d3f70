/**
 * What the weights promise against what was counted. In: shares and counts; out: rows of a table and whether they agree.
 * A share is chosen at random for each connection, so its count is binomial: within four standard deviations it agrees
 * (by chance it does not once in 16,000 times).
 */
export interface Share {
  readonly name: string
  readonly weight: number
  readonly count: number
}

export interface Expected extends Share {
  readonly share: number
  readonly expected: number
  /** standard deviations from what was expected; 0 where nothing may deviate and nothing does */
  readonly sigma: number
}

export const AGREED = 4

export function expectations(shares: readonly Share[]): readonly Expected[] {
  const weights = shares.reduce((sum, { weight }) => sum + weight, 0)
  const total = shares.reduce((sum, { count }) => sum + count, 0)
  return shares.map((one) => {
    const share = one.weight / weights
    const expected = total * share
    const deviation = Math.sqrt(total * share * (1 - share))
    const off = one.count - expected
    return { ...one, share, expected, sigma: off === 0 ? 0 : off / deviation }
  })
}

export function agrees(expected: readonly Expected[]): 'yes' | 'no' {
  return expected.every(({ sigma }) => Math.abs(sigma) <= AGREED) ? 'yes' : 'no'
}
