/**
 * Answers of our own: what a decision says, or what went wrong on the way to an upstream. In: a request and a decision or a failure. Out: the answer, written.
 * Source: Envoy's router/router.cc and http/utility.cc (sendLocalReply); bodies and statuses were tried on Envoy 1.40.
 */
import { mutateResponse } from '../../compiler/action/response-headers.ts'
import { localReply } from '../../compiler/action/local-reply.ts'
import type { Exchange } from '../../compiler/http/exchange.ts'
import type { Decision } from '../../compiler/http/model.ts'
import { tellProxyStatus } from '../../compiler/http/proxy-status.ts'
import { type HeaderPair, Headers } from '../../compiler/http/request.ts'
import { virtualClusterOf } from '../../compiler/http/virtual-clusters.ts'
import { textOf } from '../../compiler/match/byte-text.ts'
import type { LaneRequest } from './lane-context.ts'
import { type HeadContext, writeHead } from './response-head.ts'

export function headContext({ service, head, requestId }: LaneRequest): HeadContext {
  return { settings: service.settings, via: service.manager.via, version: head.version, requestId }
}

/** An answer that starts before the whole request is there ends the connection, as Envoy's does. */
export function settleEnding(request: LaneRequest): 'close' | 'keep' {
  if (!request.connection.reader.bodyEnded) request.ending = 'close'
  return request.ending
}

export async function writeAnswer(request: LaneRequest, status: number, headers: Headers, body: string | Buffer): Promise<void> {
  const { response } = request.fed
  request.lane.statistics.countReply(status)
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body
  request.begun = true
  const framing =
    request.head.method === 'HEAD' && bytes.length === 0
      ? ({ kind: 'given' } as const)
      : ({ kind: 'length', length: bytes.length } as const)
  const shown = status === 304 ? ({ kind: 'given' } as const) : framing
  writeHead(response, status, headers, shown, settleEnding(request), headContext(request))
  await new Promise<void>((resolve) => {
    response.once('close', resolve)
    response.once('error', () => resolve())
    response.end(status === 204 || status === 304 ? undefined : bytes, () => resolve())
  })
}

/** What a decision answers. */
export function answerDecision(request: LaneRequest, decision: Decision, hidden: number): Promise<void> {
  const { status, body, responseHeaders, virtualHost } = decision
  // the connection manager itself refused it, or it is answered before its body is read: Envoy ends the connection
  if ((status === 400 && virtualHost === undefined) || request.head.body.kind !== 'none') request.ending = 'close'
  const headers = headersOf(responseHeaders ?? [])
  if (hidden > 0) headers.set('content-length', String(hidden))
  request.lane.statistics.count('answered')
  const told = tellStatus(request, decision.reason, headers)
  return writeAnswer(
    request,
    told ?? status ?? 503,
    headers,
    (body === undefined || body === '' ? undefined : bytesOf(decision)) ?? body ?? '',
  )
}

/** The body of a direct response that is no text. */
function bytesOf({ detail, reason }: Decision): Buffer | undefined {
  const action = detail.route?.action
  if (reason !== 'direct_response' || action?.kind !== 'direct_response' || action.bodyFormat !== undefined) return undefined
  return action.body?.kind === 'text' && action.body.bytes !== undefined ? Buffer.from(action.body.bytes) : undefined
}

/** from bytes back to text */
function headersOf(pairs: readonly HeaderPair[]): Headers {
  return Headers.of(
    'response',
    pairs.map(([name, value]) => [name, textOf(value)] as const),
  )
}

export interface Failure {
  readonly status: number
  readonly body: string
  /** Envoy's response code detail */
  readonly details: string
  readonly headers?: readonly HeaderPair[]
}

/** The request came to nothing behind its route. */
export function answerFailure(request: LaneRequest, exchange: Exchange, { status, body, details, headers = [] }: Failure): Promise<void> {
  const given = Headers.of('response', headers)
  const virtualCluster = virtualClusterOf(exchange.virtualHost.virtualClusters, exchange.request)
  mutateResponse(exchange, given, { path: exchange.upstream.path, responseCode: 0, details, virtualCluster })
  const answer = localReply(exchange.request, { outcome: 'error', status, body, reason: details, headers: given })
  tellStatus(request, details, answer.responseHeaders)
  return writeAnswer(request, answer.status, answer.responseHeaders, answer.body ?? '')
}

/** proxy-status, where the connection manager writes it; the status that it wants is already the answer's. */
function tellStatus({ service }: LaneRequest, details: string, headers: Headers): void {
  const { proxyStatus } = service.manager.front
  const told = proxyStatus === undefined ? undefined : tellProxyStatus(proxyStatus, details)
  if (told === undefined) return
  headers.set('proxy-status', [headers.get('proxy-status') ?? '', told.value].filter((one) => one !== '').join(', '))
}

/** Before there is a route. */
export function answerEarly(request: LaneRequest, status: number, body: string): Promise<void> {
  request.ending = 'close'
  return writeAnswer(
    request,
    status,
    body === '' ? new Headers('response') : Headers.of('response', [['content-type', 'text/plain']]),
    body,
  )
}
