/**
 * Forwarding to a cluster: what the upstream sees of a request. In: an exchange whose cluster is chosen. Out: path, authority and headers of its `upstream`
 * half, and the header mutations that an upstream's answer will get. Invariant: first the headers of all levels, then the authority, then the path, so
 * that formats see the path as it was; what the connection manager and the codec add is there as well.
 * Source: Envoy's source/common/router/{config_impl.cc,router.cc,upstream_request.cc}, source/common/http/http1/codec_impl.cc; all of it was tried.
 */
import type { Exchange } from '../http/exchange.ts'
import type { ForwardAction } from '../http/model.ts'
import { Headers } from '../http/request.ts'
import { takeRouterHeaders } from '../http/router-headers.ts'
import { virtualClusterOf } from '../http/virtual-clusters.ts'
import { isGrpc } from '../match/grpc.ts'
import { type FormatContext, formatTemplate } from './format.ts'
import { requestHeader } from './format-commands.ts'
import { mutateHeaders } from './header-mutations.ts'
import { rewrittenHost, updateAuthority } from './host-rewrite.ts'
import { rewritePath } from './path-rewrite.ts'
import { levels, mutateResponse } from './response-headers.ts'
import { announceTimeouts } from './timeouts.ts'

/** `hostName`: of a cluster's endpoints, for auto_host_rewrite */
export function forward(exchange: Exchange, hostName: (cluster: string) => string | undefined): Headers {
  const { request, route, virtualHost, upstream, weightedCluster } = exchange
  const { action } = route
  if (action.kind !== 'route') return new Headers('response')
  const { headers } = upstream
  announceTimeouts(headers, action.timeouts, action.retry ?? virtualHost.retry, isGrpc(request) ? 'grpc' : 'http', mannerOf(exchange))
  if (virtualHost.includeRequestAttemptCount) headers.set('x-envoy-attempt-count', '1')
  for (const [index, { requestRemove, requestAdd }] of levels(exchange).entries()) {
    if (requestRemove.length + requestAdd.length > 0) mutateHeaders(headers, requestRemove, requestAdd, contextOf(exchange))
    if (index === 0 && weightedCluster?.hostRewriteLiteral !== undefined) upstream.authority = weightedCluster.hostRewriteLiteral
  }
  rewriteHost(action, exchange)
  rewrite(action, exchange)
  if (action.hostRewrite?.kind === 'auto') takeHostName(action, exchange, hostName)
  // before anybody answers
  takeRouterHeaders(headers)
  const answered = new Headers('response')
  const virtualCluster = virtualClusterOf(virtualHost.virtualClusters, request)
  mutateResponse(exchange, answered, { path: upstream.path, responseCode: undefined, details: 'via_upstream', virtualCluster })
  if (virtualHost.includeAttemptCountInResponse) answered.set('x-envoy-attempt-count', '1')
  // the codec's, which no format sees
  if (!BODYLESS.has(request.method) && !headers.has('content-length') && !headers.has('upgrade')) headers.add('content-length', '0')
  return answered
}

/** Methods of requests that the HTTP/1 codec sends without content-length when they have no body. */
const BODYLESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'TRACE', 'CONNECT'])

function contextOf(exchange: Exchange): FormatContext {
  const { request, upstream, route, virtualHost, cluster } = exchange
  return {
    request,
    path: upstream.path,
    authority: upstream.authority,
    requestHeaders: upstream.headers,
    responseHeaders: undefined,
    responseCode: request.codeSoFar,
    details: undefined,
    routeName: route.name,
    owners: exchange,
    cluster,
    virtualCluster: virtualClusterOf(virtualHost.virtualClusters, request),
  }
}

function rewriteHost(action: ForwardAction, exchange: Exchange): void {
  if (action.hostRewrite === undefined) return
  const { upstream } = exchange
  const host = rewrittenHost(action.hostRewrite, {
    path: upstream.path,
    header: (name) => requestHeader(name, contextOf(exchange)),
    format: (template) => formatTemplate(template, contextOf(exchange), '-'),
  })
  if (host !== '') renameHost(action, exchange, host)
}

/** auto_host_rewrite comes last: with the endpoint. */
function takeHostName(action: ForwardAction, exchange: Exchange, hostName: (cluster: string) => string | undefined): void {
  const { cluster } = exchange
  const host = cluster === undefined ? undefined : hostName(cluster)
  if (host !== undefined) renameHost(action, exchange, host)
}

function renameHost(action: ForwardAction, exchange: Exchange, host: string): void {
  const { upstream } = exchange
  upstream.authority = updateAuthority(
    upstream.headers,
    upstream.authority,
    host,
    action.appendXForwardedHost ? 'append' : 'leave',
    mannerOf(exchange),
  )
}

function mannerOf({ request }: Exchange): 'told' | 'quiet' {
  return request.front.quiet ? 'quiet' : 'told'
}

function rewrite(action: ForwardAction, exchange: Exchange): void {
  if (action.pathRewrite === undefined) return
  const { request, upstream, route } = exchange
  // a CONNECT has none
  const [before, matchedPath] = request.method === 'CONNECT' ? ['', ''] : [upstream.path, exchange.matchedPath]
  const path = rewritePath(action.pathRewrite, before, matchedPath, {
    captures: () => {
      const [match] = route.match
      return match?.kind === 'path_match_policy' && match.template !== undefined ? match.regex.groups(request.barePath) : undefined
    },
    format: (template) => formatTemplate(template, contextOf(exchange), ''),
  })
  if (path === undefined) return
  if (!request.front.quiet) upstream.headers.set('x-envoy-original-path', before)
  upstream.path = path
}
