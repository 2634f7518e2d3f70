/**
 * What a client is told of an upstream that gave no answer. In: how the last try failed and whether there were others. Out: Envoy's status, body and detail.
 * Source: Envoy's router/router.cc (onUpstreamReset), http/utility.cc (resetReasonToString); each was tried on Envoy 1.40.
 */
import type { Failure } from './local-answer.ts'
import type { Reset } from './retry-policy.ts'

export const NO_HEALTHY_UPSTREAM: Failure = { status: 503, body: 'no healthy upstream', details: 'no_healthy_upstream' }
export const TIMEOUT: Failure = { status: 504, body: 'upstream request timeout', details: 'response_timeout' }
export const PER_TRY_TIMEOUT: Failure = { status: 504, body: 'upstream request timeout', details: 'upstream_per_try_timeout' }

/** neither side moves */
export const IDLE: Failure = { status: 504, body: 'stream timeout', details: 'stream_idle_timeout' }
/** the client does not send the rest of its request */
export const IDLE_REQUEST: Failure = { ...IDLE, status: 408 }

export function upstreamFailure(reset: Reset, tries: number): Failure {
  if (reset === 'per_try_timeout') return PER_TRY_TIMEOUT
  const reason = REASONS[reset]
  const start =
    tries > 1
      ? 'upstream connect error or disconnect/reset before headers. retried and the latest reset reason: '
      : 'upstream connect error or disconnect/reset before headers. reset reason: '
  return {
    status: reset === 'protocol_error' ? 502 : 503,
    body: start + reason,
    details: `upstream_reset_before_response_started{${reason.replaceAll(' ', '_')}}`,
    ...(reset === 'overflow' && { headers: [['x-envoy-overloaded', 'true']] as const }),
  }
}

const REASONS: Readonly<Record<Exclude<Reset, 'per_try_timeout'>, string>> = {
  connect_failure: 'remote connection failure',
  connect_timeout: 'connection timeout',
  reset: 'connection termination',
  overflow: 'overflow',
  protocol_error: 'protocol error',
}
