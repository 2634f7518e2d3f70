/**
 * How surprising a count is. In: how often something was seen in a number of dials, and its probability. Out: the chance of a count at least as far out,
 * from the exact binomial distribution: shares may be so small that a bell curve says nothing.
 */

/** Two-sided: twice the smaller tail, at most 1. */
export function surprise(seen: number, dials: number, probability: number): number {
  if (probability <= 0) return seen === 0 ? 1 : 0
  if (probability >= 1) return seen === dials ? 1 : 0
  return Math.min(1, 2 * Math.min(tail(0, seen, dials, probability), tail(seen, dials, dials, probability)))
}

/** P(from <= X <= to) */
function tail(from: number, to: number, dials: number, probability: number): number {
  let sum = 0
  for (let k = from; k <= to; k++) {
    sum += Math.exp(logChoose(dials, k) + k * Math.log(probability) + (dials - k) * Math.log1p(-probability))
  }
  return sum
}

const logFactorials: number[] = [0]

function logFactorial(n: number): number {
  for (let i = logFactorials.length; i <= n; i++) logFactorials.push((logFactorials[i - 1] as number) + Math.log(i))
  return logFactorials[n] as number
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k)
}
