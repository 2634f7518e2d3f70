/**
 * HTTP routing as data: what read-route-configuration.ts makes of a RouteConfiguration and eval.ts gives a meaning. Plain and readonly; every node that a
 * user may be told about carries its xDS `path`. A regex is the one thing that is more than data: its pattern, compiled once (regex.ts).
 * Invariant: a list is in the order of the configuration. Durations are milliseconds; percentages are parts of `denominator`.
 * Source: envoy.config.route.v3 (route.proto, route_components.proto).
 */
import type { HeaderMatch } from '../match/header.ts'
import type { Regex } from '../match/regex.ts'
import type { Match } from '../match/table.ts'
import type { HeaderPair } from './request.ts'
import type { Criteria } from './subset-criteria.ts'

export interface RouteConfiguration {
  readonly path: string
  readonly name: string
  readonly virtualHosts: readonly VirtualHost[]
  readonly ignorePortInHostMatching: boolean
  readonly ignorePathParametersInPathMatching: boolean
  readonly vhostHeader: string | undefined
  readonly mostSpecificHeaderMutationsWins: boolean
  readonly validateClusters: boolean | undefined
  /** lower-case; removed from requests that are not internal */
  readonly internalOnlyHeaders: readonly string[]
  readonly headers: HeaderMutations
  readonly mirrors: readonly MirrorPolicy[]
  readonly filters: PerFilter
}

export interface VirtualHost {
  readonly path: string
  readonly name: string
  readonly domains: readonly string[]
  readonly requireTls: 'none' | 'external_only' | 'all'
  /** in order; with a `matcher` the list is empty */
  readonly routes: readonly Route[]
  readonly matcher: MatchTree | undefined
  readonly headers: HeaderMutations
  readonly retry: RetryPolicy | undefined
  readonly hedge: boolean
  readonly mirrors: readonly MirrorPolicy[]
  readonly filters: PerFilter
  readonly includeRequestAttemptCount: boolean
  readonly includeAttemptCountInResponse: boolean
  readonly metadata: Metadata
  /** groups of requests, in order; only their name is seen */
  readonly virtualClusters: readonly VirtualCluster[]
}

export interface VirtualCluster {
  readonly name: string
  /** all must hold */
  readonly headers: readonly HeaderMatch[]
}

export interface Route {
  readonly path: string
  readonly name: string
  /** all must hold, in the order of Envoy's evaluation: path first */
  readonly match: readonly Match[]
  readonly action: Action
  readonly headers: HeaderMutations
  readonly filters: PerFilter
  readonly metadata: Metadata
}

/** filter_metadata by name, as plain JSON; undefined: none is set */
export type Metadata = Readonly<Record<string, unknown>> | undefined

/** A generic matcher (xds.type.matcher.v3.Matcher) whose leaves are routes. */
export type MatchTree =
  | {
      readonly kind: 'list'
      readonly entries: readonly { readonly predicate: Predicate; readonly next: MatchNext }[]
      readonly otherwise: MatchNext | undefined
    }
  | {
      readonly kind: 'map'
      readonly path: string
      readonly input: MatchInput
      readonly form: 'exact' | 'prefix' | 'unknown'
      readonly entries: ReadonlyMap<string, MatchNext>
      readonly otherwise: MatchNext | undefined
    }

export type MatchNext =
  | { readonly kind: 'routes'; readonly path: string; readonly routes: readonly Route[]; readonly keepMatching: boolean }
  | { readonly kind: 'tree'; readonly tree: MatchTree; readonly keepMatching: boolean }
  | { readonly kind: 'unknown'; readonly path: string; readonly type: string; readonly keepMatching: boolean }

export type Predicate =
  | { readonly kind: 'single'; readonly path: string; readonly input: MatchInput; readonly value: StringMatch }
  | { readonly kind: 'and'; readonly of: readonly Predicate[] }
  | { readonly kind: 'or'; readonly of: readonly Predicate[] }
  | { readonly kind: 'not'; readonly of: Predicate }
  | { readonly kind: 'unknown'; readonly path: string; readonly type: string }

/** What a generic matcher looks at. */
export type MatchInput =
  | { readonly kind: 'request_header'; readonly name: string }
  | { readonly kind: 'query_parameter'; readonly name: string }
  | { readonly kind: 'source_ip' | 'source_port' | 'destination_ip' | 'destination_port' | 'server_name' }
  | { readonly kind: 'unknown'; readonly type: string }

/** envoy.type.matcher.v3.StringMatcher; `ignoreCase` texts are lower-case already. A regex must match the whole text. */
export type StringMatch =
  | { readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains'; readonly text: string; readonly ignoreCase: boolean }
  | { readonly kind: 'regex'; readonly regex: Regex }
  | { readonly kind: 'unknown'; readonly type: string }

export interface Fraction {
  readonly numerator: number
  /** 100, 10,000 or 1,000,000 */
  readonly denominator: number
  readonly runtimeKey: string | undefined
}

// ---- actions: read and evaluated in compiler/action/ --------------------------------------------------------------------------------------------

export type Action = ForwardAction | RedirectAction | DirectResponseAction | NonForwardingAction | NoAction

/** RouteAction. Which cluster is decided in cluster-choice.ts, everything else in compiler/action/. */
export interface ForwardAction {
  readonly kind: 'route'
  readonly cluster: ClusterSpecifier
  /** 503 by default */
  readonly clusterNotFoundStatus: number
  readonly pathRewrite: PathRewrite | undefined
  readonly hostRewrite: HostRewrite | undefined
  readonly appendXForwardedHost: boolean
  readonly timeouts: Timeouts
  readonly retry: RetryPolicy | undefined
  readonly hash: readonly HashPolicy[]
  readonly mirrors: readonly MirrorPolicy[]
  readonly upgrades: readonly { readonly type: string; readonly enabled: boolean; readonly connect: boolean }[]
  readonly priority: 'DEFAULT' | 'HIGH'
  /** metadata_match: the subset of the cluster's endpoints that is chosen from */
  readonly criteria: Criteria
}

export type ClusterSpecifier =
  | { readonly kind: 'cluster'; readonly name: string }
  | { readonly kind: 'header'; readonly header: string }
  | {
      readonly kind: 'weighted'
      readonly clusters: readonly WeightedCluster[]
      /** sum of the weights */
      readonly total: number
      readonly headerName: string | undefined
      readonly useHashPolicy: boolean
    }
  | { readonly kind: 'plugin'; readonly type: string }

export interface WeightedCluster {
  readonly path: string
  /** '' when `header` names it */
  readonly name: string
  readonly header: string | undefined
  readonly weight: number
  readonly headers: HeaderMutations
  /** over those of the route, key by key */
  readonly criteria: Criteria
  readonly hostRewriteLiteral: string | undefined
  readonly filters: PerFilter
}

export type PathRewrite =
  | { readonly kind: 'prefix'; readonly text: string }
  | { readonly kind: 'regex'; readonly regex: Regex; readonly substitution: string }
  | { readonly kind: 'template'; readonly template: string }
  | { readonly kind: 'format'; readonly template: Template }
  /** `path_redirect`, `route.path_rewrite` and the like: the whole path, a substitution format where Envoy has one */
  | { readonly kind: 'whole'; readonly text: string }
  | { readonly kind: 'unknown'; readonly type: string }

export type HostRewrite =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'header'; readonly header: string }
  | { readonly kind: 'path_regex'; readonly regex: Regex; readonly substitution: string }
  | { readonly kind: 'format'; readonly template: Template }
  /** auto_host_rewrite: the endpoint's host name, known only with the endpoint */
  | { readonly kind: 'auto' }

export interface RedirectAction {
  readonly kind: 'redirect'
  readonly path: string
  readonly status: number
  readonly scheme: 'keep' | 'https' | { readonly text: string }
  readonly host: string | undefined
  readonly port: number | undefined
  readonly pathRewrite: PathRewrite | undefined
  readonly stripQuery: boolean
}

export interface DirectResponseAction {
  readonly kind: 'direct_response'
  readonly path: string
  readonly status: number
  readonly body: BodySource | undefined
  readonly bodyFormat: BodyFormat | undefined
}

/** A body from a file, an environment variable or the like is not in the snapshot. `bytes`: the body itself where it is no UTF-8; `text` shows a likeness. */
export type BodySource =
  | { readonly kind: 'text'; readonly text: string; readonly bytes?: Uint8Array }
  | { readonly kind: 'elsewhere'; readonly what: string }

export interface BodyFormat {
  readonly form:
    | { readonly kind: 'text'; readonly template: Template }
    | { readonly kind: 'json'; readonly value: unknown }
    | { readonly kind: 'elsewhere'; readonly what: string }
  readonly contentType: string | undefined
  readonly omitEmptyValues: boolean
}

/** local_reply_config: what becomes of the answers that the connection manager gives itself */
export interface LocalReplies {
  /** the first that takes an answer changes it */
  readonly mappers: readonly ReplyMapper[]
  readonly format: BodyFormat | undefined
}

export interface ReplyMapper {
  /** undefined: it takes none */
  readonly filter: ReplyFilter | undefined
  readonly status: number | undefined
  readonly body: BodySource | undefined
  readonly format: BodyFormat | undefined
  readonly add: readonly HeaderAddition[]
}

/** envoy.config.accesslog.v3.AccessLogFilter, as far as it can be asked of a local answer */
export type ReplyFilter =
  | { readonly kind: 'status' | 'duration'; readonly op: 'EQ' | 'GE' | 'LE' | 'NE'; readonly value: number }
  | { readonly kind: 'and' | 'or'; readonly of: readonly ReplyFilter[] }
  | { readonly kind: 'header'; readonly match: HeaderMatch }
  /** short names; empty: any flag */
  | { readonly kind: 'flags'; readonly names: readonly string[] }
  | { readonly kind: 'grpc'; readonly statuses: readonly number[]; readonly exclude: boolean }
  | { readonly kind: 'fraction'; readonly share: Fraction }
  | { readonly kind: 'always' | 'never' }

/** Forwarding to nowhere: Envoy answers 503 cluster_not_found. */
export interface NonForwardingAction {
  readonly kind: 'non_forwarding'
  readonly path: string
}

/** a route without an action (filter_action or nothing): Envoy refuses it at load */
export interface NoAction {
  readonly kind: 'none'
  readonly path: string
  readonly what: string
}

// ---- header mutations and substitution formats: compiler/action/ --------------------------------------------------------------------------------

export interface HeaderMutations {
  readonly requestRemove: readonly string[]
  readonly requestAdd: readonly HeaderAddition[]
  readonly responseRemove: readonly string[]
  readonly responseAdd: readonly HeaderAddition[]
}

export interface HeaderAddition {
  readonly path: string
  /** lower-case */
  readonly name: string
  readonly value: Template
  readonly action: 'append' | 'add_if_absent' | 'overwrite_or_add' | 'overwrite_if_exists'
  readonly keepEmpty: boolean
}

/** A substitution format: literal text and commands such as %REQ(x-a?x-b):10%. */
export type Template = readonly TemplatePart[]

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'command'; readonly name: string; readonly argument: string | undefined; readonly maxLength: number | undefined }

// ---- policies: data in the decision --------------------------------------------------------------------------------------------------------------

export interface Timeouts {
  /** 15,000 by default; 0 is none */
  readonly timeout: number
  readonly idle: number | undefined
  readonly maxStreamDuration: number | undefined
  readonly grpcTimeoutHeaderMax: number | undefined
  readonly grpcTimeoutHeaderOffset: number | undefined
  readonly flush: number | undefined
  readonly maxGrpcTimeout: number | undefined
  readonly grpcTimeoutOffset: number | undefined
  /** max_stream_duration is set, which turns the route's timeout off */
  readonly streamDuration: boolean
}

export interface RetryPolicy {
  readonly on: readonly string[]
  /** 1 by default */
  readonly retries: number
  readonly perTryTimeout: number | undefined
  readonly perTryIdleTimeout: number | undefined
  readonly statusCodes: readonly number[]
  readonly baseInterval: number | undefined
  readonly maxInterval: number | undefined
  /** of answers that retriable-headers means: any */
  readonly responseHeaders: readonly HeaderMatch[]
  /** only requests with any of these are retried; empty: all */
  readonly requestHeaders: readonly HeaderMatch[]
  /** retry_host_predicate previous_hosts, with the number of times that another host is looked for */
  readonly otherHosts: number
  /** rate_limited_retry_back_off: an answer says itself when to come again */
  readonly told: {
    /** lower-case names, in order */
    readonly headers: readonly { readonly name: string; readonly format: 'seconds' | 'unix_timestamp' }[]
    readonly maxInterval: number
  }
}

export type HashPolicy = { readonly terminal: boolean } & (
  | {
      readonly kind: 'header'
      readonly header: string
      readonly rewrite: { readonly regex: Regex; readonly substitution: string } | undefined
    }
  | { readonly kind: 'cookie'; readonly name: string; readonly ttl: number | undefined; readonly cookiePath: string | undefined }
  | { readonly kind: 'source_ip' }
  | { readonly kind: 'query_parameter'; readonly name: string }
  | { readonly kind: 'filter_state'; readonly key: string }
  | { readonly kind: 'unknown' }
)

export interface MirrorPolicy {
  readonly path: string
  readonly cluster: string | undefined
  readonly clusterHeader: string | undefined
  readonly fraction: Fraction | undefined
  /** the copy's host keeps its name (disable_shadow_host_suffix_append) */
  readonly keepsHost: boolean
}

/** typed_per_filter_config by filter name; the most specific of route configuration, virtual host, route and weighted cluster counts. */
export type PerFilter = ReadonlyMap<string, FilterConfig>

/** What a filter is configured to do. `data` is what compiler/action/ read of it, ready to print; undefined for a type that it does not know. */
export interface FilterConfig {
  readonly path: string
  /** full message name */
  readonly type: string
  readonly disabled: boolean
  readonly data: Readonly<Record<string, unknown>> | undefined
}

/** One filter of a connection manager. */
export interface HttpFilterEntry {
  readonly name: string
  readonly config: FilterConfig
}

// ---- decisions ------------------------------------------------------------------------------------------------------------------------------------

export type Outcome = 'cluster' | 'redirect' | 'direct_response' | 'no_route' | 'no_cluster' | 'deny' | 'pass' | 'error' | 'divert'

/** Where the decision is carried out: compiler/trace/lanes.ts. */
export type Lane = 'direct' | 'switched' | 'user-space' | 'waypoint'

/**
 * What Envoy would do with one request. `cluster`, `path`, `authority`, `requestHeaders`: what the upstream sees after all mutation;
 * `status`, `location`, `body`, `responseHeaders`: what the client sees. Undefined where the outcome has none. `reason` is Envoy's response code detail
 * (via_upstream, route_not_found, cluster_not_found, direct_response, ...) or why it cannot be decided.
 */
export interface Decision {
  readonly outcome: Outcome
  readonly lane: Lane
  /** why not in the kernel, where it is known */
  readonly laneReason?: string
  readonly virtualHost: string | undefined
  readonly route: string | undefined
  readonly cluster: string | undefined
  readonly path: string | undefined
  readonly authority: string | undefined
  readonly status: number | undefined
  readonly location: string | undefined
  readonly body: string | undefined
  readonly requestHeaders: readonly HeaderPair[] | undefined
  readonly responseHeaders: readonly HeaderPair[] | undefined
  readonly reason: string
  readonly detail: DecisionDetail
}

/** What an explanation shows besides, as references into the configuration; `cluster` is what the route chose, also of a request that is answered. */
export interface DecisionDetail {
  readonly virtualHost: VirtualHost | undefined
  readonly route: Route | undefined
  readonly weightedCluster: WeightedCluster | undefined
  readonly cluster: string | undefined
  readonly retry: RetryPolicy | undefined
  readonly mirrors: readonly MirrorPolicy[]
  readonly filters: PerFilter
}
