/**
 * When a request is tried again. In: a route's retry policy, the headers of a request, what an attempt came to. Out: whether and how soon it is tried again.
 * Source: Envoy's router/retry_state_impl.cc (conditions, precedence of x-envoy-retry-on and the like, back-off with full jitter: below 2^n times the base
 * interval, at most the maximum).
 */
import type { RetryPolicy } from '../../compiler/http/model.ts'
import { type Headers, HttpRequest } from '../../compiler/http/request.ts'
import { evalHeaderMatch } from '../../compiler/match/header.ts'

export interface AskedRetry {
  readonly on: ReadonlySet<string>
  readonly retries: number
  readonly statusCodes: readonly number[]
  readonly policy: RetryPolicy | undefined
  /** milliseconds */
  readonly baseInterval: number
  readonly maxInterval: number
}

/** What an attempt without an answer came to. */
export type Reset = 'connect_failure' | 'connect_timeout' | 'reset' | 'per_try_timeout' | 'overflow' | 'protocol_error'

const BASE_INTERVAL = 25

/** undefined: never. `headers`: of the request, before the router takes its own */
export function askedRetry(policy: RetryPolicy | undefined, headers: Headers, request: HttpRequest): AskedRetry | undefined {
  const on = new Set([...(policy?.on ?? []), ...words(headers.get('x-envoy-retry-on')), ...words(headers.get('x-envoy-retry-grpc-on'))])
  if (on.size === 0) return undefined
  const wanted = policy?.requestHeaders ?? []
  if (wanted.length > 0 && !wanted.some((one) => evalHeaderMatch(one, request))) return undefined
  const most = headers.get('x-envoy-max-retries')
  const baseInterval = policy?.baseInterval ?? BASE_INTERVAL
  return {
    on,
    retries: most !== undefined && /^\d+$/.test(most) ? Number(most) : (policy?.retries ?? 1),
    statusCodes: [
      ...(policy?.statusCodes ?? []),
      ...words(headers.get('x-envoy-retriable-status-codes')).map(Number).filter(Number.isInteger),
    ],
    policy,
    baseInterval,
    maxInterval: policy?.maxInterval ?? baseInterval * 10,
  }
}

function words(list: string | undefined): readonly string[] {
  return (list ?? '').split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]))
}

export function retriesAnswer({ on, statusCodes, policy }: AskedRetry, status: number, headers: Headers): boolean {
  if (headers.has('x-envoy-ratelimited')) return on.has('envoy-ratelimited')
  if (on.has('5xx') && status >= 500 && status < 600) return true
  if (on.has('gateway-error') && status >= 502 && status <= 504) return true
  if (on.has('retriable-4xx') && status === 409) return true
  if (on.has('retriable-status-codes') && statusCodes.includes(status)) return true
  if (on.has('retriable-headers') && policy?.responseHeaders.some((one) => evalHeaderMatch(one, asRequest(headers))) === true) return true
  const grpc = GRPC_STATUS.get(headers.get('grpc-status') ?? '')
  return grpc !== undefined && on.has(grpc)
}

const GRPC_STATUS: ReadonlyMap<string, string> = new Map([
  ['1', 'cancelled'],
  ['4', 'deadline-exceeded'],
  ['8', 'resource-exhausted'],
  ['13', 'internal'],
  ['14', 'unavailable'],
])

/** header matchers look at requests */
function asRequest(headers: Headers): HttpRequest {
  return new HttpRequest(
    { method: '', authority: '', path: '', scheme: '', source: undefined, destination: undefined, random: 0, tls: false },
    headers,
  )
}

/** `sent`: something of the request may have reached the upstream */
export function retriesReset({ on }: AskedRetry, reset: Reset, sent: 'nothing' | 'something'): boolean {
  if (reset === 'overflow') return false
  if (on.has('5xx') || on.has('gateway-error') || on.has('reset')) return true
  if (on.has('reset-before-request') && sent === 'nothing') return true
  return on.has('connect-failure') && (reset === 'connect_failure' || reset === 'connect_timeout')
}

/** Milliseconds that an answer asks to wait, where the policy listens to it: at most half as long again, so that not all come at once. */
export function toldBackOff({ policy }: AskedRetry, headers: Headers, random: () => number): number | undefined {
  for (const { name, format } of policy?.told.headers ?? []) {
    const value = headers.get(name)
    if (value === undefined || !/^\d{1,12}$/.test(value)) continue
    const wait = format === 'seconds' ? Number(value) * 1000 : Number(value) * 1000 - Date.now()
    if (wait > 0 && wait <= (policy?.told.maxInterval ?? 0)) return wait + Math.floor((random() * wait) / 2)
  }
  return undefined
}

/** Milliseconds before retry number `count`, from 1. */
export function backOff({ baseInterval, maxInterval }: AskedRetry, count: number, random: () => number): number {
  return Math.floor(random() * Math.min(baseInterval * 2 ** (count - 1), maxInterval))
}
