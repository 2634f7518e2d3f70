/**
 * Token buckets of local rate limits. In: who owns a bucket and how it is filled. Out: a token, or none. A bucket is one time on the monotonic clock (proto/http/acting.ts, km_bucket): what
 * it holds is what came in since then. Invariants: it starts full and never holds more than its maximum; where the kernel has the bucket too, both take from the same one.
 * Source: Envoy's common/token_bucket_impl.cc: filled continuously at tokens_per_fill in fill_interval.
 */
import type { BucketOwner, SharedState } from './evaluator.ts'

/** The word that the kernel has for a bucket; undefined: it has none. */
export type BucketCell = (owner: BucketOwner) => BigUint64Array | undefined

const NANOSECONDS = 1_000_000
/** KM_BUCKET_EPOCH of bpf/lib/http/guard.h */
const EPOCH = 1n << 62n

/** `now`: nanoseconds of the kernel's monotonic clock */
export function createTokenBuckets(
  shared: BucketCell = () => undefined,
  now: () => bigint = process.hrtime.bigint,
): SharedState['takeToken'] {
  const own = new Map<string, BigUint64Array>()
  const ownCell = ({ service, filter }: BucketOwner): BigUint64Array => {
    const key = `${service}\0${filter}`
    let cell = own.get(key)
    if (cell === undefined) {
      cell = new BigUint64Array(1)
      own.set(key, cell)
    }
    return cell
  }
  return (owner, { maxTokens, tokensPerFill, fillInterval }) => {
    const cost = tokensPerFill === 0 ? 0n : BigInt(Math.round(fillInterval * NANOSECONDS)) / BigInt(tokensPerFill)
    if (maxTokens === 0 || cost === 0n) return false
    const cell = shared(owner) ?? ownCell(owner)
    const burst = cost * BigInt(maxTokens)
    const time = EPOCH + now()
    const full = time > burst ? time - burst : 0n
    for (;;) {
      const held = Atomics.load(cell, 0)
      const next = (held > full ? held : full) + cost
      if (next > time) return false
      if (Atomics.compareExchange(cell, 0, held, next) === held) return true
    }
  }
}
