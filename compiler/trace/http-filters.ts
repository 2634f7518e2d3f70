/**
 * HTTP filters in front of the router, where a connection manager has them. In: its cursor; a decision of the routes. Out: the decision as the filters leave it: an
 * answer of the first filter that gives one, else the routes' own, with what the filters leave open. Invariant: without filters nothing changes.
 * Source: Envoy's http_connection_manager.proto: the route's configuration of a filter, by its name, wins over the connection manager's.
 */
import { decideFilter, inherited, mayTellMore, readFilter } from '../action/filters.ts'
import { mutateHeaders } from '../action/header-mutations.ts'
import { localReply } from '../action/local-reply.ts'
import { mutateResponse } from '../action/response-headers.ts'
import { asBytes } from '../http/byte-text.ts'
import type { Answer, Exchange } from '../http/exchange.ts'
import { forwards } from '../http/forwards.ts'
import { routedHeaders } from '../http/grpc-timeout.ts'
import type { Decision, FilterConfig, HttpFilterEntry, RouteConfiguration } from '../http/model.ts'
import { type HeaderPair, Headers, type HttpRequest, trim } from '../http/request.ts'
import type { LiveState, Verdict } from '../action/filter.ts'
import type { Cursor } from '../input/cursor.ts'
import { bytesOf } from '../match/byte-text.ts'

const ROUTER = 'envoy.extensions.filters.http.router.v3.Router'

/** `at`: an HttpConnectionManager; the filters in front of its router */
export function readHttpFilters(at: Cursor): readonly HttpFilterEntry[] {
  return at.messages('http_filters').flatMap((filter) => {
    const name = filter.string('name') ?? ''
    const config = filter.has('typed_config') ? filter.any('typed_config') : undefined
    if (config?.type === ROUTER) return []
    const read: FilterConfig =
      config === undefined ? { path: filter.path, type: 'unknown', disabled: false, data: undefined } : readFilter(config)
    return [{ name, config: filter.boolean('disabled') === true ? { ...read, disabled: true } : read }]
  })
}

/** What a filter did, for an explanation. */
export interface FilterStep {
  readonly name: string
  readonly config: FilterConfig
  readonly verdict: string
  readonly kind: Verdict['kind'] | 'disabled'
  /** milliseconds that it makes the request wait */
  readonly delay: number
}

export function applyFilters(
  filters: readonly HttpFilterEntry[],
  decision: Decision,
  request: HttpRequest,
  configuration: RouteConfiguration,
  steps: FilterStep[] | undefined,
  live?: LiveState,
): Decision {
  // refused before any filter saw it
  if (decision.reason === 'upgrade_failed') return decision
  const { virtualHost, route, weightedCluster } = decision.detail
  // what a virtual host says holds for its routes only
  const levels = route === undefined ? [] : [weightedCluster?.filters, route.filters, virtualHost?.filters, configuration.filters]
  let metadata: 'none' | 'unknown' = 'none'
  let added: readonly HeaderPair[] = []
  for (const { name, config } of filters) {
    const own = inherited(levels.flatMap((level) => level?.get(name) ?? []))
    const effective = own === undefined ? config : own.data === undefined && own.disabled ? { ...config, disabled: true } : own
    const verdict = decideFilter(effective, request, {
      cluster: decision.detail.cluster,
      forwards: forwards(route),
      metadata,
      ...(live !== undefined && { live }),
    })
    steps?.push({
      name,
      config: effective,
      verdict: effective.disabled ? 'disabled' : describe(verdict),
      kind: effective.disabled ? 'disabled' : verdict.kind,
      delay: verdict.kind === 'open' ? 0 : (verdict.delay ?? 0),
    })
    if (mayTellMore(effective)) metadata = 'unknown'
    if (verdict.kind === 'answer') return answered(decision, verdict, request, configuration, added)
    if (verdict.kind === 'pass' && verdict.responseHeaders !== undefined) added = [...added, ...verdict.responseHeaders]
  }
  if (added.length === 0) return decision
  const headers = Headers.of('response', decision.responseHeaders ?? [])
  for (const [name, value] of asBytes(added)) headers.set(name, value)
  return { ...decision, responseHeaders: headers.all }
}

function describe(verdict: Verdict): string {
  if (verdict.kind === 'answer') return `answers: ${verdict.reason}`
  return verdict.kind === 'open' ? `not judged: ${verdict.why}` : 'passes'
}

/** A local answer has the response headers of a route that forwards, and what filters in front of it add. */
function answered(
  decision: Decision,
  verdict: Extract<Verdict, { readonly kind: 'answer' }>,
  request: HttpRequest,
  configuration: RouteConfiguration,
  added: readonly HeaderPair[],
): Decision {
  const { outcome, status, body, reason, grpcStatus, responseHeaders = [], add = [], bare } = verdict
  const headers = Headers.of('response', responseHeaders)
  const { virtualHost, route, weightedCluster } = decision.detail
  const exchange: Exchange | undefined =
    virtualHost === undefined || route === undefined
      ? undefined
      : {
          request,
          configuration,
          virtualHost,
          route,
          matchedPath: '',
          cluster: decision.outcome === 'no_cluster' ? undefined : decision.detail.cluster,
          weightedCluster,
          upstream: { path: request.path, authority: request.authority, headers: routedHeaders(request, route) },
        }
  if (bare !== true && exchange !== undefined && forwards(route))
    mutateResponse(exchange, headers, { path: request.path, responseCode: request.codeSoFar, details: reason })
  if (add.length > 0)
    mutateHeaders(headers, [], add, {
      request,
      path: request.path,
      authority: request.authority,
      requestHeaders: exchange?.upstream.headers ?? request.headers,
      // formats of a filter do not see the answer's
      responseHeaders: undefined,
      responseCode: request.codeSoFar,
      details: reason,
      routeName: route?.name ?? '',
      ...(virtualHost !== undefined && { owners: exchange ?? { virtualHost } }),
      cluster: exchange?.cluster,
    })
  for (const [name, value] of added) headers.set(name, value)
  const answer: Answer =
    bare === true
      ? { outcome, status, location: undefined, body, responseHeaders: headers, reason }
      : localReply(request, {
          outcome,
          status,
          body,
          reason,
          headers,
          exchange,
          virtualHost,
          ...(grpcStatus !== undefined && { grpcStatus }),
        })
  return {
    ...decision,
    outcome,
    cluster: undefined,
    path: undefined,
    authority: undefined,
    requestHeaders: undefined,
    status: answer.status,
    location: answer.location === undefined ? undefined : trim(bytesOf(answer.location)),
    body: answer.body,
    responseHeaders: asBytes(answer.responseHeaders.all),
    reason,
  }
}
