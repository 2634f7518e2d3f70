/**
 * Routes whose requests need more than one request and its answer. In: a route that forwards. Out: why user space must carry it, '' when the kernel can; its timeout; after which statuses
 * it goes on in user space (proto/http/keeping.ts).
 * Source: compiler/http/model.ts; Envoy's router_filter.rst (retry_on).
 */
import { RETRIED_FIRST, RETRIED_WORDS } from '../../../proto/http/keeping.ts'
import type { ForwardAction, RetryPolicy, RouteConfiguration, VirtualHost } from '../../http/model.ts'

export function forwardReason(action: ForwardAction, host: VirtualHost, routes: RouteConfiguration): string {
  const { timeouts, retry = host.retry, mirrors } = action
  if (host.includeAttemptCountInResponse) return 'include_attempt_count_in_response'
  if (mirrors.length + host.mirrors.length + routes.mirrors.length > 0) return 'request mirroring'
  if (host.hedge) return 'hedging'
  if (action.priority === 'HIGH') return 'priority HIGH'
  if ((timeouts.maxStreamDuration ?? 0) > 0) return 'max_stream_duration'
  return retryReason(retry)
}

/** What is seen in more than the status of an answer; a status that no bit stands for. */
function retryReason(retry: RetryPolicy | undefined): string {
  if (retry === undefined || retry.retries === 0) return ''
  if ((retry.perTryIdleTimeout ?? 0) > 0) return 'per_try_idle_timeout'
  if (retry.on.includes('envoy-ratelimited')) return 'retries on envoy-ratelimited'
  if (retry.on.includes('retriable-headers') && retry.responseHeaders.length > 0) return 'retries on retriable-headers'
  const odd = retriedStatuses(retry)?.find((status) => status < RETRIED_FIRST || status >= RETRIED_FIRST + RETRIED_WORDS * 64)
  return odd === undefined ? '' : `retries on the status ${odd}`
}

/** The statuses after which a request that was sent is tried again; undefined: it is sent once, whatever becomes of it. Envoy takes no notice of conditions that it does not know. */
export function retriedStatuses(retry: RetryPolicy | undefined): readonly number[] | undefined {
  if (retry === undefined || retry.retries === 0) return undefined
  const on = new Set(retry.on)
  const named = on.has('retriable-status-codes') ? retry.statusCodes : []
  if (named.length === 0 && ![...on].some((condition) => AFTER_SENDING.has(condition))) return undefined
  return [
    ...(on.has('5xx') ? Array.from({ length: 100 }, (_, last) => 500 + last) : []),
    ...(on.has('gateway-error') ? [502, 503, 504] : []),
    ...(on.has('retriable-4xx') ? [409] : []),
    ...named,
  ]
}

/** Conditions that an answer, or the loss of one, can meet; where a request was never sent (connect-failure, refused-stream, reset-before-request), user space sends it first. */
const AFTER_SENDING: ReadonlySet<string> = new Set(['5xx', 'gateway-error', 'retriable-4xx', 'reset'])
/** grpc-status of an answer: only of gRPC requests */
const GRPC: ReadonlySet<string> = new Set(['cancelled', 'deadline-exceeded', 'internal', 'resource-exhausted', 'unavailable'])

/** gRPC has retries and timeouts of its own. */
export function needsNoGrpc({ timeouts, retry }: ForwardAction, host: VirtualHost): boolean {
  const { on, retries } = retry ?? host.retry ?? { on: [], retries: 0 }
  return (
    (retries > 0 && on.some((condition) => GRPC.has(condition))) ||
    timeouts.maxGrpcTimeout !== undefined ||
    timeouts.grpcTimeoutHeaderMax !== undefined ||
    timeouts.streamDuration
  )
}

const UNIT = 100
const MOST = 0xffff

/** In units of 100 ms, rounded up; 0: none. The longest that is counted is 109 minutes. */
export function timeoutOf({ timeouts, retry }: ForwardAction, host: VirtualHost): number {
  const whole = timeouts.streamDuration ? 0 : timeouts.timeout
  const perTry = (retry ?? host.retry)?.perTryTimeout ?? 0
  const shortest = perTry > 0 && (whole === 0 || perTry < whole) ? perTry : whole
  return Math.min(Math.ceil(shortest / UNIT), MOST)
}
