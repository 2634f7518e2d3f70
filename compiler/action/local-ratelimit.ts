/**
 * envoy.filters.http.local_ratelimit: token buckets. How many tokens are left is not in a snapshot: without live state every request is taken to find one; the limits are
 * data of the decision. Source: Envoy's local_rate_limit.proto.
 */
import type { Cursor } from '../input/cursor.ts'
import type { Fraction } from '../http/model.ts'
import type { HeaderPair } from '../http/request.ts'
import { evalFraction } from '../match/runtime-fraction.ts'
import { type HttpFilter, PASS, type TokenBucket, type Verdict } from './filter.ts'
import { readPercent } from './fraction.ts'

export interface LocalRateLimitRule {
  readonly [key: string]: unknown
  /** of an answer to a request without token; 429 by default */
  readonly status: number
  readonly bucket: TokenBucket | undefined
  /** of such an answer; commands of substitution formats stay as they are written */
  readonly responseHeaders: readonly HeaderPair[]
  /** of requests: counted, and refused */
  readonly enabled: Fraction
  readonly enforced: Fraction
  readonly descriptors: readonly {
    readonly entries: readonly (readonly [key: string, value: string])[]
    readonly bucket: TokenBucket | undefined
  }[]
}

export const localRateLimit: HttpFilter<LocalRateLimitRule> = {
  types: ['envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'],
  read(at) {
    const code = at.message('status')?.raw('code')
    return {
      status: typeof code === 'number' ? Math.max(code, 400) : (STATUS[String(code)] ?? 429),
      bucket: readBucket(at.message('token_bucket')),
      responseHeaders: at.messages('response_headers_to_add').map((added): HeaderPair => {
        const header = added.message('header')
        return [(header?.string('key') ?? '').toLowerCase(), header?.string('value') ?? '']
      }),
      enabled: readPercent(at.message('filter_enabled')?.message('default_value')),
      enforced: readPercent(at.message('filter_enforced')?.message('default_value')),
      descriptors: at.messages('descriptors').map((descriptor) => ({
        entries: descriptor.messages('entries').map((entry) => [entry.string('key') ?? '', entry.string('value') ?? ''] as const),
        bucket: readBucket(descriptor.message('token_bucket')),
      })),
    }
  },
  decide(rule, _, { live, path }) {
    const { bucket, enabled, enforced, descriptors } = rule
    if (live !== undefined) {
      if (descriptors.length > 0) return { kind: 'open', why: 'local_ratelimit with descriptors' }
      if (bucket === undefined || !evalFraction(enabled, live.random()) || live.takeToken(path, bucket)) return PASS
      return evalFraction(enforced, live.random()) ? limited(rule) : PASS
    }
    // a bucket that never holds a token refuses all that it is asked about
    return bucket !== undefined && bucket.maxTokens === 0 && descriptors.length === 0 && all(enabled) && all(enforced)
      ? limited(rule)
      : PASS
  },
}

function limited({ status, responseHeaders }: LocalRateLimitRule): Verdict {
  return { kind: 'answer', outcome: 'deny', status, body: 'local_rate_limited', reason: 'local_rate_limited', responseHeaders }
}

/** names of envoy.type.v3.StatusCode that a rate limit may have */
const STATUS: Readonly<Record<string, number>> = { TooManyRequests: 429, ServiceUnavailable: 503, Forbidden: 403, Unauthorized: 401 }

function all({ numerator, denominator }: Fraction): boolean {
  return numerator >= denominator
}

function readBucket(at: Cursor | undefined): TokenBucket | undefined {
  if (at === undefined) return undefined
  return {
    maxTokens: at.number('max_tokens') ?? 0,
    tokensPerFill: at.number('tokens_per_fill') ?? 1,
    fillInterval: at.duration('fill_interval') ?? 0,
  }
}
