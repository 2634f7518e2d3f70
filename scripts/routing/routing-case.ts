/**
 * Routing cases: a route configuration, requests, and what an Envoy did with each of them. Types only. The same form, one case a line of JSON, is what recorded
 * cases have: whoever judges routes (the interpreter, Envoy, programs in the kernel) reads these and writes outcomes.
 */
import type { JsonObject } from '../oracle/envoy.ts'

export interface RoutingCase {
  readonly id: string
  /** envoy.config.route.v3.RouteConfiguration */
  readonly route_config: JsonObject
  /** further fields of the HttpConnectionManager; `http_filters` stand in front of the router, unless they end with one */
  readonly hcm?: JsonObject
  readonly requests: readonly RoutingRequest[]
}

/** One HTTP/1.1 request without body, as it is written to a socket. */
export interface RoutingRequest {
  readonly method: string
  readonly authority: string
  /** with query */
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** What a client and an upstream saw. Texts have one character a byte. */
export interface RoutingOutcome {
  /** undefined: no answer came */
  readonly status: number | undefined
  /** Envoy's response code details; undefined where its log has no line of its own for this request */
  readonly details: string | undefined
  readonly route: string | undefined
  readonly upstream: UpstreamSeen | undefined
  readonly location: string | undefined
  readonly body: string
  readonly response_headers: readonly (readonly [name: string, value: string])[]
}

export interface UpstreamSeen {
  readonly cluster: string
  readonly method: string
  readonly path: string
  readonly authority: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** A case that Envoy refused at load has its words, another one an outcome for each request. */
export type Verdict =
  | { readonly kind: 'refused'; readonly error: string }
  | { readonly kind: 'taken'; readonly outcomes: readonly RoutingOutcome[] }

/** Clusters that exist in every case; one whose name begins with "missing" does not. */
export const CLUSTERS = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'outbound|80|v1|svc.ns', 'cafe-\u00e9'] as const

/** Where requests of random cases come from: not 127.0.0.1, in whose place Envoy writes an address of its machine into x-forwarded-for. */
export const CLIENT_ADDRESS = '127.61.0.9'

/** The port of every case's listener, which strip_matching_host_port and append_x_forwarded_port see. */
export const LISTENER_PORT = 18_080
