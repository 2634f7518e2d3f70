/**
 * What Envoy itself answers. In: a status, a body and the headers that the answer already has. Out: an Answer as the client sees it, dressed as the connection
 * manager wants it (local-replies.ts). Invariant: a gRPC request gets 200 with grpc-status, and its body as grpc-message; without a body there is no content-type.
 * Source: Envoy's source/common/http/utility.cc (prepareLocalReply).
 */
import type { Answer, Exchange } from '../http/exchange.ts'
import type { Outcome, VirtualHost } from '../http/model.ts'
import { tellProxyStatus } from '../http/proxy-status.ts'
import type { Headers, HttpRequest } from '../http/request.ts'
import { isGrpc } from '../match/grpc.ts'
import type { FormatContext } from './format.ts'
import { grpcMessage, grpcStatusOf } from './grpc.ts'
import { type Dressed, dressReply } from './local-replies.ts'

export interface LocalReply {
  readonly outcome: Outcome
  readonly status: number
  readonly body: string
  /** Envoy's response code detail */
  readonly reason: string
  /** changed in place */
  readonly headers: Headers
  /** grpc-status that the configuration asks for, instead of the one that follows from the status */
  readonly grpcStatus?: number
  /** where a route took the request */
  readonly exchange?: Exchange | undefined
  /** where none did, and there is one */
  readonly virtualHost?: VirtualHost | undefined
  /** once there is a cluster */
  readonly virtualCluster?: string | undefined
}

export function localReply(request: HttpRequest, given: LocalReply): Answer {
  const { outcome, reason, headers, grpcStatus } = given
  const before = headers.get('content-type')
  const { status, body, contentType } = dressed(request, given)
  const location = headers.get('location')
  const recommended = request.front.proxyStatus === undefined ? undefined : tellProxyStatus(request.front.proxyStatus, reason)?.status
  if (isGrpc(request)) {
    headers.set('content-type', 'application/grpc')
    if ((headers.get('grpc-status') ?? '') === '') headers.set('grpc-status', String(grpcStatus ?? grpcStatusOf(status)))
    if (body !== '' && request.method !== 'HEAD' && (headers.get('grpc-message') ?? '') === '')
      headers.set('grpc-message', grpcMessage(contentType === 'application/json' ? body.trimEnd() : body))
    headers.remove('content-length')
    return { outcome, status: recommended ?? 200, location, body: '', responseHeaders: headers, reason }
  }
  if (body === '') {
    headers.remove('content-length')
    headers.remove('content-type')
  } else if (!headers.has('content-type') || (body !== given.body && headers.get('content-type') === before))
    headers.set('content-type', contentType)
  const sent = recommended ?? status
  const visible = request.method === 'HEAD' || sent === 204 || sent === 304 ? '' : body
  return { outcome, status: sent, location, body: visible, responseHeaders: headers, reason }
}

function dressed(request: HttpRequest, { status, body, reason, headers, exchange, virtualHost, virtualCluster }: LocalReply): Dressed {
  const { replies } = request.front
  if (replies === undefined) return { status, body, contentType: 'text/plain' }
  const upstream = exchange?.upstream
  const owners = exchange ?? (virtualHost === undefined ? undefined : { virtualHost })
  const context: FormatContext = {
    request,
    path: upstream?.path ?? request.path,
    authority: upstream?.authority ?? request.authority,
    requestHeaders: upstream?.headers ?? request.headers,
    responseHeaders: headers,
    responseCode: status,
    details: reason,
    routeName: exchange?.route.name ?? '',
    ...(owners !== undefined && { owners }),
    cluster: exchange?.cluster,
    virtualCluster,
    body,
  }
  return dressReply(replies, context)
}
