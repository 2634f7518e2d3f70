/**
 * The head that one try sends. In: a request, what was decided, which try it is. Out: path and headers, Host first, one character a byte.
 * Source: Envoy's router/upstream_request.cc (auto_host_rewrite with the endpoint), router.cc (doRetry: attempt count, what is left of the timeout).
 */
import { updateAuthority } from '../../compiler/action/host-rewrite.ts'
import type { ForwardAction } from '../../compiler/http/model.ts'
import { trim } from '../../compiler/http/request.ts'
import { bytesOf } from '../../compiler/match/byte-text.ts'
import type { Forward } from './evaluator.ts'
import type { LaneRequest } from './lane-context.ts'

export interface Try {
  /** from 1 */
  readonly count: number
  /** milliseconds since the first */
  readonly elapsed: number
}

export interface UpstreamHead {
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

export function upstreamHeaders(
  request: LaneRequest,
  { exchange, timeouts }: Forward,
  action: ForwardAction,
  { count, elapsed }: Try,
): UpstreamHead {
  const headers = exchange.upstream.headers.copy()
  let { authority } = exchange.upstream
  if (action.hostRewrite?.kind === 'auto') {
    const name = request.evaluator.hostName(exchange.cluster ?? '')
    if (name !== undefined)
      authority = updateAuthority(
        headers,
        authority,
        name,
        action.appendXForwardedHost ? 'append' : 'leave',
        exchange.request.front.quiet ? 'quiet' : 'told',
      )
  }
  if (exchange.virtualHost.includeRequestAttemptCount) headers.set('x-envoy-attempt-count', String(count))
  if (count > 1 && timeouts.whole > 0 && headers.has('x-envoy-expected-rq-timeout-ms')) {
    const left = Math.max(1, timeouts.whole - elapsed)
    headers.set('x-envoy-expected-rq-timeout-ms', String(timeouts.perTry > 0 ? Math.min(left, timeouts.perTry) : left))
  }
  if (request.head.body.kind === 'chunked') {
    headers.remove('content-length')
    headers.set('transfer-encoding', 'chunked')
  } else headers.remove('trailer')
  if (request.head.body.kind === 'length') headers.set('content-length', String(request.head.body.length))
  return {
    path: bytesOf(request.head.method === 'CONNECT' ? authority : exchange.upstream.path),
    headers: [['host', bytesOf(authority)], ...headers.all.map(([name, value]) => [name, trim(bytesOf(value))] as const)],
  }
}
