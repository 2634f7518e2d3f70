/**
 * RedirectAction: Envoy's own answer with Location. In: a cursor; a request. Out: a RedirectAction; an Answer.
 * Source: Envoy's route_components.proto (RedirectAction); source/common/router/{config_impl.cc,router.cc}. A redirect that names neither host nor path
 * rewrites nothing, so that prefix_rewrite and regex_rewrite alone do count and https_redirect alone keeps the path.
 */
import type { Answer, Exchange } from '../http/exchange.ts'
import type { RedirectAction } from '../http/model.ts'
import { Headers } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'
import { localReply } from './local-reply.ts'
import { locationOf } from './location.ts'
import { readCommonRewrite, rewritePath } from './path-rewrite.ts'
import { mutateResponse } from './response-headers.ts'

const STATUS: Readonly<Record<string, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
}

/** `at`: a RedirectAction */
export function readRedirect(at: Cursor): RedirectAction {
  const scheme = at.string('scheme_redirect') ?? ''
  const host = at.string('host_redirect') ?? ''
  const path = at.string('path_redirect') ?? ''
  const port = at.number('port_redirect') ?? 0
  return {
    kind: 'redirect',
    path: at.path,
    status: STATUS[at.enum('response_code') ?? ''] ?? 301,
    scheme: scheme !== '' ? { text: scheme } : at.boolean('https_redirect') === true ? 'https' : 'keep',
    host: host === '' ? undefined : host,
    port: port === 0 ? undefined : port,
    pathRewrite: path !== '' ? { kind: 'whole', text: path } : readCommonRewrite(at),
    stripQuery: at.boolean('strip_query') ?? false,
  }
}

export function answerRedirect(action: RedirectAction, exchange: Exchange): Answer {
  const { request, matchedPath } = exchange
  const { pathRewrite } = action
  // CONNECT has no path that could lead elsewhere
  const placed = request.pseudo(':path') !== undefined
  const rewritten =
    !placed || pathRewrite === undefined || pathRewrite.kind === 'whole'
      ? undefined
      : rewritePath(pathRewrite, request.path, matchedPath, { captures: () => undefined, format: () => '' })
  const path = rewritten ?? request.path
  if (rewritten !== undefined) {
    if (!request.front.quiet) exchange.upstream.headers.set('x-envoy-original-path', request.path)
    exchange.upstream.path = rewritten
  }
  const headers = Headers.of('response', placed ? [['location', locationOf(request, path, action)]] : [])
  mutateResponse(exchange, headers, { path, responseCode: request.codeSoFar, details: 'direct_response' })
  return localReply(request, { outcome: 'redirect', status: action.status, body: '', reason: 'direct_response', headers, exchange })
}
