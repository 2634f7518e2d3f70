/**
 * HTTP filters in front of the router, where a connection manager has them. In: its cursor; a decision of the routes. Out: the decision as the filters leave it: an
 * answer of the first filter that gives one, else the routes' own, with what the filters leave open. Invariant: without filters nothing changes.
 * Source: Envoy's http_connection_manager.proto: the route's configuration of a filter, by its name, wins over the connection manager's.
 */
import { decideFilter, mayTellMore, readFilter } from '../action/filters.ts'
import { localReply } from '../action/local-reply.ts'
import { mutateResponse } from '../action/response-headers.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Decision, FilterConfig, RouteConfiguration } from '../http/model.ts'
import { type HeaderPair, Headers, type HttpRequest } from '../http/request.ts'
import type { Verdict } from '../action/filter.ts'
import type { Cursor } from '../input/cursor.ts'

export interface HttpFilterEntry {
  readonly name: string
  readonly config: FilterConfig
}

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
}

export function applyFilters(
  filters: readonly HttpFilterEntry[],
  decision: Decision,
  request: HttpRequest,
  configuration: RouteConfiguration,
  steps: FilterStep[] | undefined,
): Decision {
  const { route, filters: routeFilters, weightedCluster } = decision.detail
  const forwards = route?.action.kind === 'route'
  let metadata: 'none' | 'unknown' = 'none'
  let added: readonly HeaderPair[] = []
  for (const { name, config } of filters) {
    const own = weightedCluster?.filters.get(name) ?? routeFilters.get(name)
    const effective = own === undefined ? config : own.data === undefined && own.disabled ? { ...config, disabled: true } : own
    const verdict = decideFilter(effective, request, { cluster: decision.cluster, forwards, metadata })
    steps?.push({ name, config: effective, verdict: effective.disabled ? 'disabled' : describe(verdict) })
    if (mayTellMore(effective)) metadata = 'unknown'
    if (verdict.kind === 'answer') return answered(decision, verdict, request, configuration)
    if (verdict.kind === 'pass' && verdict.responseHeaders !== undefined) added = [...added, ...verdict.responseHeaders]
  }
  return added.length === 0 ? decision : { ...decision, responseHeaders: [...(decision.responseHeaders ?? []), ...added] }
}

function describe(verdict: Verdict): string {
  if (verdict.kind === 'answer') return `answers: ${verdict.reason}`
  return verdict.kind === 'open' ? `not judged: ${verdict.why}` : 'passes'
}

/** A local answer has the route's response headers, like every answer under a route. */
function answered(
  decision: Decision,
  verdict: Extract<Verdict, { readonly kind: 'answer' }>,
  request: HttpRequest,
  configuration: RouteConfiguration,
): Decision {
  const { outcome, status, body, reason, grpcStatus, responseHeaders = [], bare } = verdict
  const headers = Headers.of(responseHeaders)
  const { virtualHost, route, weightedCluster } = decision.detail
  if (bare !== true && virtualHost !== undefined && route !== undefined) {
    const exchange: Exchange = {
      request,
      configuration,
      virtualHost,
      route,
      matchedPath: '',
      cluster: decision.cluster,
      weightedCluster,
      upstream: { path: request.path, authority: request.authority, headers: request.headers },
    }
    mutateResponse(exchange, headers, { path: request.path, responseCode: 0, details: reason })
  }
  const answer = localReply(request, { outcome, status, body, reason, headers, ...(grpcStatus !== undefined && { grpcStatus }) })
  return {
    ...decision,
    outcome,
    cluster: undefined,
    path: undefined,
    authority: undefined,
    requestHeaders: undefined,
    status: answer.status,
    location: answer.location,
    body: answer.body,
    responseHeaders: answer.responseHeaders.all,
    reason,
  }
}
