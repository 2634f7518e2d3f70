/**
 * One request under the route that took it: what compiler/action/ works on. In: the request as matched and where it matched; out: what an action writes
 * into the `upstream` half, or an Answer. Invariant: `request` is never changed, so that formats such as %REQ(:PATH)% see it as it was.
 */
import type { Cursor } from '../input/cursor.ts'
import type {
  Action,
  ForwardAction,
  HeaderMutations,
  HostRewrite,
  LocalReplies,
  Outcome,
  PathRewrite,
  PerFilter,
  Route,
  RouteConfiguration,
  VirtualHost,
  WeightedCluster,
} from './model.ts'
import type { RuntimeValues } from '../match/runtime-values.ts'
import type { EarlyMutations } from './connection-manager.ts'
import type { Headers, HttpRequest } from './request.ts'

export interface Exchange {
  readonly request: HttpRequest
  readonly configuration: RouteConfiguration
  readonly virtualHost: VirtualHost
  readonly route: Route
  /** the part of the bare path that the route's path condition matched: what prefix_rewrite replaces */
  readonly matchedPath: string
  /** chosen cluster of a ForwardAction */
  readonly cluster: string | undefined
  readonly weightedCluster: WeightedCluster | undefined
  /** Written by actions. They start as the request's own; the headers are a copy. */
  readonly upstream: Upstream
}

export interface Upstream {
  path: string
  authority: string
  readonly headers: Headers
}

/** What the client gets from Envoy itself. */
export interface Answer {
  readonly outcome: Outcome
  readonly status: number
  readonly location: string | undefined
  readonly body: string | undefined
  readonly responseHeaders: Headers
  /** response code detail */
  readonly reason: string
}

/** Of a request that no route took. */
export interface Refused {
  readonly body?: string
  readonly virtualHost?: VirtualHost | undefined
  /** once there is a cluster */
  readonly virtualCluster?: string | undefined
}

/** Where a request would have gone that is answered before. */
export interface Place {
  readonly virtualHost: VirtualHost
  readonly exchange: Exchange | undefined
}

/**
 * What compiler/action/table.ts gives (its `actions` object); eval.ts and read-route-configuration.ts take it as a parameter.
 * The `read` half: `readHeaders` and `readFilters` take a RouteConfiguration, VirtualHost, Route or ClusterWeight; `readAction` takes a Route whose action is
 * not `route`; a RouteAction is read by read-forward.ts, which asks for its two rewrites.
 * The `eval` half: `forward` writes path, authority and request headers of the upstream half and returns the response header mutations applied to no header
 * (those that any upstream answer gets). `answer` is for redirect, direct_response and the like. `refuse` is a local reply: no_route, no_cluster, or a request that is refused before it is routed.
 */
export interface ActionRules {
  readHeaders(at: Cursor): HeaderMutations
  readFilters(at: Cursor): PerFilter
  readAction(at: Cursor): Exclude<Action, ForwardAction>
  readPathRewrite(at: Cursor): PathRewrite | undefined
  readHostRewrite(at: Cursor): HostRewrite | undefined
  /** both of an HttpConnectionManager */
  readLocalReplies(at: Cursor, runtime: RuntimeValues): LocalReplies | undefined
  readEarlyMutations(at: Cursor): EarlyMutations | undefined
  forward(exchange: Exchange): Headers
  answer(exchange: Exchange): Answer
  refuse(
    request: HttpRequest,
    outcome: 'no_route' | 'no_cluster' | 'direct_response',
    status: number,
    reason: string,
    exchange: Exchange | undefined,
    more?: Refused,
  ): Answer
  /** a local reply with Location, to a request that is not routed */
  sendElsewhere(request: HttpRequest, status: number, location: string, reason: string, place: Place | undefined): Answer
  /** virtual host's require_tls: 301 to https */
  requireTls(request: HttpRequest, configuration: RouteConfiguration, virtualHost: VirtualHost): Answer
}
