/** RouteMatch.grpc: the content type is application/grpc or application/grpc+something. */
import type { HttpRequest } from '../http/request.ts'
import type { Matcher } from './matcher.ts'
import { quote } from './matcher.ts'

export interface GrpcMatch {
  readonly kind: 'grpc'
}

export const grpc: Matcher<GrpcMatch> = {
  kind: 'grpc',
  read(at) {
    return at.message('grpc') === undefined ? [] : [{ kind: 'grpc' }]
  },
  eval: (_node, request) => isGrpc(request),
  why: (_node, request) => `the content type ${quote(request.headers.get('content-type') ?? '')} is not gRPC's`,
}

/** Source: Envoy's grpc/common.cc (hasGrpcContentType, isGrpcRequestHeaders): a request without a path is none. */
export function isGrpc(request: HttpRequest): boolean {
  if (request.method === 'CONNECT') return false
  const type = request.headers.get('content-type')
  if (type === undefined) return false
  return type.startsWith(GRPC) && (type.length === GRPC.length || type[GRPC.length] === '+')
}

const GRPC = 'application/grpc'
