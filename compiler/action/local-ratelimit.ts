/**
 * envoy.filters.http.local_ratelimit: token buckets. How many tokens are left is not in a snapshot: without live state every request is taken to find one; the limits are
 * data of the decision. Source: Envoy's local_rate_limit.proto.
 */
import type { Cursor } from '../input/cursor.ts'
import { errorStatus } from '../http/error-status.ts'
import type { Fraction, HeaderAddition } from '../http/model.ts'
import { evalFraction } from '../match/runtime-fraction.ts'
import { type HttpFilter, PASS, type TokenBucket, type Verdict } from './filter.ts'
import { readPercent } from './fraction.ts'
import { RESOURCE_EXHAUSTED } from './grpc.ts'
import { readHeaderAddition } from './header-mutations.ts'

export interface LocalRateLimitRule {
  readonly [key: string]: unknown
  /** of an answer to a request without token; 429 by default */
  readonly status: number
  readonly bucket: TokenBucket | undefined
  /** gRPC clients are told RESOURCE_EXHAUSTED, whatever the status */
  readonly exhausted: boolean
  /** of such an answer */
  readonly add: readonly HeaderAddition[]
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
    const status = at.message('status')
    return {
      status: status === undefined ? 429 : errorStatus(status, 429),
      bucket: readBucket(at.message('token_bucket')),
      exhausted: at.boolean('rate_limited_as_resource_exhausted') ?? false,
      add: at.messages('response_headers_to_add').map(readHeaderAddition),
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

function limited({ status, exhausted, add }: LocalRateLimitRule): Verdict {
  const reason = 'local_rate_limited'
  return { kind: 'answer', outcome: 'deny', status, body: reason, reason, add, ...(exhausted && { grpcStatus: RESOURCE_EXHAUSTED }) }
}

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
