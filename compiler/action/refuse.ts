/**
 * Envoy's answer where there is nowhere to go: no route (404), no cluster (503, or the route's own code), a request that is refused before that. In: a request and, where a route took it, its exchange.
 * Out: an Answer. A route that forwards adds its response headers to the answer. Source: Envoy's source/common/router/router.cc; tried.
 */
import type { Answer, Exchange, Place, Refused } from '../http/exchange.ts'
import { forwards } from '../http/forwards.ts'
import { Headers, type HttpRequest } from '../http/request.ts'
import { localReply } from './local-reply.ts'
import { mutateResponse } from './response-headers.ts'

/** Sends the client elsewhere before it is routed. */
export function sendElsewhere(request: HttpRequest, status: number, location: string, reason: string, place: Place | undefined): Answer {
  const headers = new Headers('response')
  if (place?.exchange !== undefined && forwards(place.exchange.route))
    mutateResponse(place.exchange, headers, { path: request.path, responseCode: request.codeSoFar, details: reason })
  headers.add('location', location)
  return localReply(request, { outcome: 'redirect', status, body: '', reason, headers, ...place })
}

export function refuse(
  request: HttpRequest,
  outcome: 'no_route' | 'no_cluster' | 'direct_response',
  status: number,
  reason: string,
  exchange: Exchange | undefined,
  { body = '', virtualHost, virtualCluster }: Refused = {},
): Answer {
  const headers = new Headers('response')
  // formats name only clusters that exist
  const seen = outcome === 'no_cluster' && exchange !== undefined ? { ...exchange, cluster: undefined } : exchange
  if (seen !== undefined && forwards(seen.route))
    mutateResponse(seen, headers, { path: request.path, responseCode: request.codeSoFar, details: reason, virtualCluster })
  return localReply(request, { outcome, status, body, reason, headers, exchange: seen, virtualHost, virtualCluster })
}
