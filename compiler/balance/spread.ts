/**
 * The order in which a cursor visits weighted rows. In: weights. Out: reduced weights, and `total` and `stride` such that
 *
 *   c     = cursor++                        (u64, shared by all CPUs)
 *   point = (c % total) * stride % total    (u64 arithmetic on u32 values: never overflows)
 *   pick  = first row whose cumulative weight (exclusive, `upto`) > point
 *
 * meets each row exactly `weight` times in any `total` picks in a row, whatever the cursor starts from: stride is coprime with total, so
 * c -> point is a permutation of 0..total-1. The stride is near total / golden ratio, which spreads the picks of one row evenly. Rows of
 * equal weight are walked in order (stride 1, total = number of rows, pick = point). Computed at compile time, stored in km_group and
 * km_tier; bpf/lib has the same three lines. Invariant: total >= 1, 1 <= stride, gcd(stride, total) = 1, total < 2^32.
 */

export interface Spread {
  /** reduced by the greatest common divisor; 0 stays 0 */
  readonly weights: readonly number[]
  readonly total: number
  readonly stride: number
  /** all weights are 1: the pick is the point itself */
  readonly equal: boolean
}

/** 2 / (1 + sqrt 5) */
const GOLDEN = 0.6180339887498949
const U32 = 0xffffffff

/** `weights` are non-negative integers with a positive sum. Sums above 2^32 - 1, possible only where Envoy's list joins several localities, are scaled down. */
export function spread(weights: readonly number[]): Spread {
  const reduced = fit(reduce(weights))
  let total = 0
  let equal = true
  for (const weight of reduced) {
    total += weight
    if (weight !== 1) equal = false
  }
  return { weights: reduced, total, stride: equal ? 1 : strideOf(total), equal }
}

/** The row that cursor value `cursor` picks. */
export function pickAt(s: Spread, cursor: number): number {
  const point = Number((BigInt(cursor % s.total) * BigInt(s.stride)) % BigInt(s.total))
  let upto = 0
  for (let i = 0; i < s.weights.length; i++) {
    upto += s.weights[i] as number
    if (upto > point) return i
  }
  throw new Error(`no row at ${point} of ${s.total}`)
}

/** The number nearest to total / golden ratio (the larger of two) that is coprime with total; 1 up to 2. */
export function strideOf(total: number): number {
  if (total <= 2) return 1
  const target = Math.round(total * GOLDEN)
  for (let distance = 0; ; distance++) {
    for (const stride of [target + distance, target - distance]) {
      if (stride >= 1 && stride < total && gcd(stride, total) === 1) return stride
    }
  }
}

export function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b]
  return a
}

function reduce(weights: readonly number[]): readonly number[] {
  let divisor = 0
  for (const weight of weights) {
    divisor = gcd(divisor, weight)
    if (divisor === 1) return weights
  }
  return divisor === 0 ? weights : weights.map((weight) => weight / divisor)
}

/** Shares change by less than one part in 2^31; a positive weight stays positive. */
function fit(weights: readonly number[]): readonly number[] {
  const sum = weights.reduce((a, b) => a + b, 0)
  if (sum <= U32) return weights
  const room = U32 - weights.length
  return weights.map((weight) => (weight === 0 ? 0 : Math.max(1, Math.floor((weight / sum) * room))))
}
