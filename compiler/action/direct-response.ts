/**
 * DirectResponseAction: a fixed answer. In: a cursor; a request. Out: a DirectResponseAction; an Answer. Invariant: what is not in the snapshot (a file, an
 * environment variable) is named, never guessed. With a 3xx code or 201 the answer has a Location: the request's own URI.
 * Source: Envoy's source/common/router/{config_impl.cc,router.cc}; Location was tried with 201, 301, 302, 304.
 */
import type { Answer, Exchange } from '../http/exchange.ts'
import type { DirectResponseAction } from '../http/model.ts'
import { Headers } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'
import { contentTypeOf, formatBody, readBodyFormat, readDataSource } from './body-format.ts'
import type { FormatContext } from './format.ts'
import { localReply } from './local-reply.ts'
import { locationOf, SAME } from './location.ts'
import { mutateResponse } from './response-headers.ts'

/** `at`: a DirectResponseAction */
export function readDirectResponse(at: Cursor): DirectResponseAction {
  const body = at.message('body')
  const format = at.message('body_format')
  return {
    kind: 'direct_response',
    path: at.path,
    status: at.number('status') ?? 0,
    body: body === undefined ? undefined : readDataSource(body),
    bodyFormat: format === undefined ? undefined : readBodyFormat(format),
  }
}

export function answerDirectly(action: DirectResponseAction, exchange: Exchange): Answer {
  const { request } = exchange
  const { status, bodyFormat } = action
  // CONNECT has no path that could lead elsewhere
  const moved = (status === 201 || (status >= 300 && status < 400)) && request.pseudo(':path') !== undefined
  const headers = Headers.of('response', moved ? [['location', locationOf(request, request.path, SAME)]] : [])
  const elsewhere = action.body?.kind === 'elsewhere' ? action.body : bodyFormat?.form.kind === 'elsewhere' ? bodyFormat.form : undefined
  const body = elsewhere === undefined ? bodyOf(action, exchange) : `<${elsewhere.what}>`
  mutateResponse(exchange, headers, { path: request.path, responseCode: request.codeSoFar, details: 'direct_response' })
  const contentType = bodyFormat === undefined ? undefined : contentTypeOf(bodyFormat)
  if (contentType !== undefined) headers.set('content-type', contentType)
  const answer = localReply(request, { outcome: 'direct_response', status, body, reason: 'direct_response', headers, exchange })
  return elsewhere === undefined
    ? answer
    : { ...answer, reason: `direct_response; the body is in ${elsewhere.what}, which is not in the snapshot` }
}

function bodyOf({ body, bodyFormat }: DirectResponseAction, exchange: Exchange): string {
  const text = body?.kind === 'text' ? body.text : ''
  if (bodyFormat === undefined) return text
  const { request, route, upstream } = exchange
  const context: FormatContext = {
    request,
    path: request.path,
    authority: request.authority,
    requestHeaders: upstream.headers,
    // it is formatted before there are any
    responseHeaders: undefined,
    responseCode: request.codeSoFar,
    details: undefined,
    routeName: route.name,
    owners: exchange,
    cluster: undefined,
    body: text,
  }
  return formatBody(bodyFormat, context)
}
