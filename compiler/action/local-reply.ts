/**
 * What Envoy itself answers. In: a status, a body and the headers that the answer already has. Out: an Answer as the client sees it. Invariant: a gRPC request
 * gets 200 with grpc-status, and its body as grpc-message; without a body there is no content-type.
 * Source: Envoy's source/common/http/utility.cc (prepareLocalReply).
 */
import type { Answer } from '../http/exchange.ts'
import type { Outcome } from '../http/model.ts'
import type { Headers, HttpRequest } from '../http/request.ts'
import { isGrpc } from '../match/grpc.ts'
import { grpcMessage, grpcStatusOf } from './grpc.ts'

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
}

export function localReply(request: HttpRequest, { outcome, status, body, reason, headers, grpcStatus }: LocalReply): Answer {
  const location = headers.get('location')
  if (isGrpc(request)) {
    headers.set('content-type', 'application/grpc')
    if ((headers.get('grpc-status') ?? '') === '') headers.set('grpc-status', String(grpcStatus ?? grpcStatusOf(status)))
    if (body !== '' && request.method !== 'HEAD' && (headers.get('grpc-message') ?? '') === '')
      headers.set('grpc-message', grpcMessage(body))
    headers.remove('content-length')
    return { outcome, status: 200, location, body: '', responseHeaders: headers, reason }
  }
  if (body === '') {
    headers.remove('content-length')
    headers.remove('content-type')
  } else if (!headers.has('content-type')) headers.add('content-type', 'text/plain')
  const visible = request.method === 'HEAD' || status === 204 || status === 304 ? '' : body
  return { outcome, status, location, body: visible, responseHeaders: headers, reason }
}
