/**
 * require_tls of a virtual host: a request that came without TLS is sent to https. In: a request. Out: an Answer, 301 with the request's own host (its port
 * stays) and path. Source: Envoy's source/common/router/config_impl.cc (SslRedirectRoute), http/utility.cc (createSslRedirectPath); tried.
 */
import type { Answer } from '../http/exchange.ts'
import { Headers, type HttpRequest } from '../http/request.ts'
import { localReply } from './local-reply.ts'

export function requireTls(request: HttpRequest): Answer {
  const headers = Headers.of('response', [['location', `https://${request.authority}${request.path}`]])
  return localReply(request, { outcome: 'redirect', status: 301, body: '', reason: 'direct_response', headers })
}
