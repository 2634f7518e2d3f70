/**
 * require_tls of a virtual host: a request that came without TLS is sent to https. In: a request. Out: an Answer, 301 with the request's own host (its port
 * stays) and path. Source: Envoy's source/common/router/config_impl.cc (SslRedirectRoute), http/utility.cc (createSslRedirectPath); tried.
 */
import type { Answer } from '../http/exchange.ts'
import type { RouteConfiguration, VirtualHost } from '../http/model.ts'
import type { HttpRequest } from '../http/request.ts'
import { sendElsewhere } from './refuse.ts'

export function requireTls(request: HttpRequest, _: RouteConfiguration, virtualHost: VirtualHost): Answer {
  return sendElsewhere(request, 301, `https://${request.authority}${request.path}`, 'direct_response', { virtualHost, exchange: undefined })
}
