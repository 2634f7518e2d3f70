/**
 * Who answers the tests of HTTP requests: the interpreter of routing, behind the smallest face that tests need. In: a request. Out: a decision in the words of
 * `kmeshc trace --batch`, and which route took it.
 */
import type { HeaderPair, RequestLine } from '../http/request.ts'

export interface RouteJudge {
  decide(request: RequestLine, routeConfig: string | undefined): Judgement
  /** every route of every route configuration, in order */
  readonly routes: readonly KnownRoute[]
}

export interface Judgement {
  readonly decided: Decided
  /** xDS path of the route that took the request */
  readonly routePath: string | undefined
}

/** One line of `kmeshc trace --batch`, without its id; undefined where the outcome has none */
export interface Decided {
  readonly outcome: string
  readonly lane: string
  readonly virtual_host: string | undefined
  readonly route: string | undefined
  readonly cluster: string | undefined
  readonly path: string | undefined
  readonly authority: string | undefined
  readonly status: number | undefined
  readonly location: string | undefined
  readonly body: string | undefined
  readonly request_headers: readonly HeaderPair[] | undefined
  readonly response_headers: readonly HeaderPair[] | undefined
  readonly reason: string
}

export interface KnownRoute {
  readonly path: string
  readonly routeConfiguration: string
  readonly virtualHost: string
  /** its name, or what it matches */
  readonly route: string
}
