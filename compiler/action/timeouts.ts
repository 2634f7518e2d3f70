/**
 * What the upstream is told of timeouts. In: a request's headers, the timeouts of its route. Out: x-envoy-expected-rq-timeout-ms and grpc-timeout among the
 * headers; x-envoy-upstream-rq-timeout-ms and its like have done their work and go. All in milliseconds; 0 is no timeout.
 * Source: Envoy's source/common/router/router.cc (FilterUtility::finalTimeout, setTimeoutHeaders).
 */
import { grpcTimeout, readGrpcTimeout } from '../http/grpc-timeout.ts'
import type { RetryPolicy, Timeouts } from '../http/model.ts'
import type { Headers } from '../http/request.ts'

/** Writes the timeout headers. `grpc`: the request is gRPC. `quiet`: suppress_envoy_headers is set. */
export function announceTimeouts(
  headers: Headers,
  timeouts: Timeouts,
  retry: RetryPolicy | undefined,
  kind: 'grpc' | 'http',
  manner: 'told' | 'quiet',
): void {
  const { whole, perTry } = timeoutsOf(headers, timeouts, retry, kind)
  headers.remove('x-envoy-upstream-rq-timeout-ms')
  headers.remove('x-envoy-upstream-rq-per-try-timeout-ms')
  const expected = perTry > 0 && (whole === 0 || perTry < whole) ? perTry : whole
  if (expected > 0 && manner === 'told') headers.set('x-envoy-expected-rq-timeout-ms', String(expected))
  if (kind === 'grpc' && expected > 0 && !timeouts.streamDuration && timeouts.maxGrpcTimeout !== undefined)
    headers.set('grpc-timeout', grpcTimeout(expected))
}

/** How long the whole exchange and one try may take. `headers`: before `announceTimeouts`. 0: as long as they like; a try no longer than the whole. */
export function timeoutsOf(
  headers: Headers,
  timeouts: Timeouts,
  retry: RetryPolicy | undefined,
  kind: 'grpc' | 'http',
): { readonly whole: number; readonly perTry: number } {
  const whole = milliseconds(headers, 'x-envoy-upstream-rq-timeout-ms') ?? routeTimeout(headers, timeouts, kind)
  const perTry = milliseconds(headers, 'x-envoy-upstream-rq-per-try-timeout-ms') ?? Math.trunc(retry?.perTryTimeout ?? 0)
  return { whole, perTry: whole > 0 && perTry >= whole ? 0 : perTry }
}

function routeTimeout(headers: Headers, timeouts: Timeouts, kind: 'grpc' | 'http'): number {
  if (timeouts.streamDuration) return 0
  const most = timeouts.maxGrpcTimeout
  if (kind === 'http' || most === undefined) return Math.trunc(timeouts.timeout)
  const asked = readGrpcTimeout(headers.get('grpc-timeout')) ?? 0
  const offset = timeouts.grpcTimeoutOffset ?? 0
  const left = offset < asked ? asked - offset : asked
  return Math.trunc(most !== 0 && (left === 0 || left > most) ? most : left)
}

function milliseconds(headers: Headers, name: string): number | undefined {
  const text = headers.get(name)
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}
