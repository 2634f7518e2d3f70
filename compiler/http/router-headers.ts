/**
 * Headers by which a request talks to Envoy's router. In: a request's headers. Out: what strict_check_headers finds wrong with them; the headers without those that
 * the router takes for itself. Source: Envoy's source/common/router/{router,retry_state_impl}.cc; tried on Envoy 1.40.
 */
import type { Headers } from './request.ts'

export interface InvalidHeader {
  readonly name: string
  readonly value: string
}

/** The first of these that is there and not as it is documented. */
export function invalidRouterHeader(names: readonly string[], headers: Headers): InvalidHeader | undefined {
  for (const name of names) {
    const value = headers.get(name)
    if (value !== undefined && !isValid(name, value)) return { name, value }
  }
  return undefined
}

function isValid(name: string, value: string): boolean {
  const words = WORDS[name]
  return words === undefined ? isCount(value) : value.split(',').every((word) => word.trim() === '' || words.has(word.trim()))
}

function isCount(value: string): boolean {
  return /^\d+$/.test(value) && BigInt(value) <= 0xffff_ffff_ffff_ffffn
}

const WORDS: Readonly<Record<string, ReadonlySet<string>>> = {
  'x-envoy-retry-on': new Set([
    '5xx',
    'gateway-error',
    'connect-failure',
    'envoy-ratelimited',
    'retriable-4xx',
    'refused-stream',
    'retriable-status-codes',
    'retriable-headers',
    'reset',
    'reset-before-request',
    'http3-post-connect-failure',
  ]),
  'x-envoy-retry-grpc-on': new Set(['cancelled', 'deadline-exceeded', 'resource-exhausted', 'unavailable', 'internal']),
}

/** What the router takes for itself when the request goes out. */
export function takeRouterHeaders(headers: Headers): void {
  if (headers.all.some(([name]) => name.startsWith('x-envoy-'))) for (const name of ROUTER_HEADERS) headers.remove(name)
}

const ROUTER_HEADERS = [
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-retriable-header-names',
  'x-envoy-retriable-status-codes',
  'x-envoy-upstream-stream-duration-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
]
