/**
 * Routes whose requests need more than one request and its answer. In: a route that forwards. Out: why user space must carry it, '' when the kernel can; its timeout.
 * Source: compiler/http/model.ts; Envoy's router_filter.rst (retry_on).
 */
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

/** The kernel has no second try; where a request was never sent (connect-failure, refused-stream, reset-before-request), user space sends it first. */
function retryReason(retry: RetryPolicy | undefined): string {
  if (retry === undefined || retry.retries === 0) return ''
  const why = retry.on.find((condition) => !isIdle(condition, retry))
  return why === undefined ? '' : `retries on ${why}`
}

/** Only what needs an answer, or the loss of one, is for user space; Envoy takes no notice of names that it does not know. */
function isIdle(condition: string, retry: RetryPolicy): boolean {
  if (condition === 'retriable-status-codes') return retry.statusCodes.length === 0
  if (condition === 'retriable-headers') return retry.responseHeaders.length === 0
  return !AFTER_SENDING.has(condition)
}

const AFTER_SENDING: ReadonlySet<string> = new Set(['5xx', 'gateway-error', 'retriable-4xx', 'reset', 'envoy-ratelimited'])
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
