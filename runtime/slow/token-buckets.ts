/**
 * Token buckets of local rate limits. In: who owns a bucket and how it is filled. Out: a token, or none. Invariant: a bucket starts full and never holds more than its maximum.
 * Source: Envoy's common/token_bucket_impl.cc: filled continuously at tokens_per_fill in fill_interval.
 */
import type { LiveState, TokenBucket } from '../../compiler/action/filter.ts'

/** `now`: milliseconds of a clock that only goes forward */
export function createTokenBuckets(now: () => number = () => performance.now()): LiveState['takeToken'] {
  const levels = new WeakMap<object, { tokens: number; at: number }>()
  return (owner, { maxTokens, tokensPerFill, fillInterval }: TokenBucket) => {
    const at = now()
    const held = levels.get(owner) ?? { tokens: maxTokens, at }
    const filled = fillInterval > 0 ? ((at - held.at) * tokensPerFill) / fillInterval : 0
    const tokens = Math.min(maxTokens, held.tokens + filled)
    levels.set(owner, { tokens: tokens >= 1 ? tokens - 1 : tokens, at })
    return tokens >= 1
  }
}
