/**
 * The meaning of HTTP routing: what Envoy would do with a request. In: a RouteTable, the connection manager in front of it, a request line, and a World. Out:
 * a Decision; with an Explanation to fill, also everything that was tried. Pure and without IO; nothing of the configuration is read or allocated per request.
 * Source: Envoy's http/conn_manager_impl.cc and router/{config_impl,router}.cc.
 */
import { bytesOf } from '../match/byte-text.ts'
import { isHeaderName } from '../match/header-name.ts'
import { matchedPath } from '../match/table.ts'
import { asBytes, asSent } from './byte-text.ts'
import { type ClusterChoice, chooseCluster } from './cluster-choice.ts'
import { type Admission, admit, type ConnectionManager } from './connection-manager.ts'
import { detailOf, NO_DETAIL } from './decision-detail.ts'
import type { ActionRules, Answer, Exchange, Place } from './exchange.ts'
import { routedHeaders } from './grpc-timeout.ts'
import type { Decision, ForwardAction, Outcome, Route, RouteConfiguration, VirtualHost } from './model.ts'
import { type HttpRequest, type RequestLine, trim } from './request.ts'
import { chooseRoute, type Tried } from './route-choice.ts'
import { invalidRouterHeader } from './router-headers.ts'
import { virtualClusterOf } from './virtual-clusters.ts'
import { type ChosenHost, createVirtualHostTable, findVirtualHost, hostOf, type VirtualHostTable } from './virtual-hosts.ts'

/** A route configuration, made ready once. */
export interface RouteTable {
  readonly configuration: RouteConfiguration
  readonly hosts: VirtualHostTable
}

/** Virtual hosts are entered when the first request asks for one: who compiles has none. */
export function createRouteTable(configuration: RouteConfiguration): RouteTable {
  let hosts: VirtualHostTable | undefined
  return {
    configuration,
    get hosts() {
      hosts ??= createVirtualHostTable(configuration)
      return hosts
    },
  }
}

export interface World {
  readonly rules: ActionRules
  clusterExists(name: string): boolean
}

/** What happened on the way to a decision; every field is written by `decide`. */
export interface Explanation {
  /** the request behind the connection manager */
  request?: HttpRequest
  /** what was compared with domains */
  host?: string
  /** the domain that took it */
  domain?: string
  tried: Tried[]
}

export function decide(
  table: RouteTable,
  manager: ConnectionManager,
  line: RequestLine,
  world: World,
  explanation?: Explanation,
): Decision {
  const { configuration, hosts } = table
  const admission = admit(manager, line, configuration.internalOnlyHeaders)
  const { request } = admission
  if (explanation !== undefined) explanation.request = request
  if (admission.kind === 'refused') return refusedBefore(admission, world, placeBehind(table, admission, world), line.method)
  const host = hostOf(configuration, request)
  const chosen = findVirtualHost(hosts, host)
  if (explanation !== undefined) {
    if (host !== undefined) explanation.host = host
    if (chosen !== undefined) explanation.domain = chosen.domain
  }
  return decideInHost(configuration, manager, admission, chosen, world, explanation?.tried)
}

function decideInHost(
  configuration: RouteConfiguration,
  manager: ConnectionManager,
  admission: Extract<Admission, { kind: 'request' }>,
  chosen: ChosenHost | undefined,
  world: World,
  trail: Tried[] | undefined,
): Decision {
  const { request } = admission
  const virtualHost = chosen?.virtualHost
  const proto = request.headers.get('x-forwarded-proto') ?? ''
  if (virtualHost === undefined || proto === '') {
    return answered(
      configuration,
      world.rules.refuse(request, 'no_route', 404, 'route_not_found', undefined, { virtualHost }),
      virtualHost,
      undefined,
    )
  }
  if (needsTls(virtualHost, request, proto)) {
    if (!isUpgradeOn(admission.upgrade, manager, undefined))
      return answered(
        configuration,
        world.rules.refuse(request, 'direct_response', 403, UPGRADE_FAILED, undefined, { virtualHost }),
        virtualHost,
        undefined,
      )
    return answered(configuration, world.rules.requireTls(request, configuration, virtualHost), virtualHost, undefined)
  }
  const choice = chooseRoute(virtualHost, request, trail)
  if (choice.kind === 'undecided') return undecided(configuration, virtualHost, undefined, choice.why)
  const route = choice.kind === 'route' ? choice.route : undefined
  if (route === undefined)
    return answered(
      configuration,
      world.rules.refuse(request, 'no_route', 404, 'route_not_found', undefined, { virtualHost }),
      virtualHost,
      undefined,
    )
  if (!isUpgradeOn(admission.upgrade, manager, route)) return upgradeRefused(configuration, virtualHost, route, request, world)
  return decideRoute(configuration, virtualHost, route, request, world)
}

function decideRoute(
  configuration: RouteConfiguration,
  virtualHost: VirtualHost,
  route: Route,
  request: HttpRequest,
  { rules, clusterExists }: World,
): Decision {
  const { action } = route
  const choice = action.kind === 'route' ? chooseCluster(action, request) : undefined
  if (choice?.undecided !== undefined) return undecided(configuration, virtualHost, route, choice.undecided)
  const exchange = exchangeOf(configuration, virtualHost, route, request, choice)
  if (action.kind !== 'route' || choice === undefined) return answered(configuration, rules.answer(exchange), virtualHost, route)
  if (!clusterExists(choice.name)) {
    const answer = rules.refuse(request, 'no_cluster', action.clusterNotFoundStatus, 'cluster_not_found', exchange)
    return {
      ...answered(configuration, answer, virtualHost, route, choice),
      cluster: choice.name === '' ? undefined : choice.name,
    }
  }
  const virtualCluster = virtualClusterOf(virtualHost.virtualClusters, request)
  const invalid = invalidRouterHeader(request.front.strict, request.headers)
  if (invalid !== undefined) {
    const reason = `request_headers_failed_strict_check{${invalid.name}}`
    const body = `invalid header '${invalid.name}' with value '${invalid.value}'`
    const answer = rules.refuse(request, 'direct_response', 400, reason, exchange, { body, virtualCluster })
    return answered(configuration, answer, virtualHost, route, choice)
  }
  exchange.upstream.headers.remove('x-envoy-upstream-alt-stat-name')
  const responseHeaders = rules.forward(exchange)
  const { upstream } = exchange
  const fault = headFault(exchange, action)
  if (fault !== undefined) {
    const reason = `filter_removed_required_request_headers{${fault.replaceAll(' ', '_')}}`
    const answer = rules.refuse(request, 'direct_response', 503, reason, exchange, { body: fault, virtualCluster })
    return answered(configuration, answer, virtualHost, route, choice)
  }
  return {
    outcome: 'cluster',
    lane: 'user-space',
    virtualHost: virtualHost.name,
    route: route.name,
    cluster: choice.name,
    // a CONNECT names its authority where other requests have a path
    path: request.method === 'CONNECT' ? trim(bytesOf(upstream.authority)) : bytesOf(upstream.path),
    authority: trim(bytesOf(upstream.authority)),
    status: undefined,
    location: undefined,
    body: undefined,
    requestHeaders: asSent(asBytes(upstream.headers.all)),
    responseHeaders: asBytes(responseHeaders.all),
    reason: 'via_upstream',
    detail: detailOf(configuration, virtualHost, route, choice),
  }
}

/**
 * What keeps a head from being sent. Only an upgrade of HTTP/2 has :protocol, without which a CONNECT must have no path; one that ends here is not sent.
 * Source: http/header_utility.cc (checkRequiredRequestHeaders, checkValidRequestHeaders).
 */
function headFault({ request, upstream }: Exchange, action: ForwardAction): string | undefined {
  if (request.method === 'CONNECT' && upstream.path !== request.path && !endsHere(action)) return 'missing required header: :protocol'
  const odd = upstream.headers.all.find(([name]) => !isHeaderName(name))?.[0]
  return odd === undefined ? undefined : `invalid header name: ${odd.replace(/["\\]/g, '\\$&')}`
}

/** Whether a CONNECT ends at the proxy, which sends what is behind it as it is. An upgrade of CONNECT-UDP says so as well as one of CONNECT: tried on Envoy 1.40. */
export function endsHere({ upgrades }: ForwardAction): boolean {
  return upgrades.some(({ connect, enabled }) => connect && enabled)
}

/** Source: router/config_impl.cc (getRouteFromEntries): what counts is x-forwarded-proto, to the letter. */
function needsTls({ requireTls }: VirtualHost, request: HttpRequest, proto: string): boolean {
  if (requireTls === 'none' || proto === 'https') return false
  return requireTls === 'all' || request.headers.get('x-envoy-internal') !== 'true'
}

/** A route's own upgrade_configs win over those of the connection manager. */
function isUpgradeOn(upgrade: string | undefined, manager: ConnectionManager, route: Route | undefined): boolean {
  if (upgrade === undefined) return true
  const own = route?.action.kind === 'route' ? upgradeOf(route.action, upgrade) : undefined
  return own ?? manager.upgrades.get(upgrade) ?? false
}

function upgradeOf({ upgrades }: ForwardAction, type: string): boolean | undefined {
  return upgrades.find((upgrade) => upgrade.type.toLowerCase() === type)?.enabled
}

const UPGRADE_FAILED = 'upgrade_failed'

/** Whatever the route does; where there is none, an upgrade is as any request. */
function upgradeRefused(
  configuration: RouteConfiguration,
  virtualHost: VirtualHost,
  route: Route,
  request: HttpRequest,
  world: World,
): Decision {
  const exchange = unserved(configuration, virtualHost, route, request, world)
  return answered(configuration, world.rules.refuse(request, 'direct_response', 403, UPGRADE_FAILED, exchange), virtualHost, route)
}

/** Of a request that is answered before its route is asked: the weighted cluster is chosen all the same, and a cluster that does not exist has no name. */
function unserved(
  configuration: RouteConfiguration,
  virtualHost: VirtualHost,
  route: Route,
  request: HttpRequest,
  { clusterExists }: World,
): Exchange {
  const { action } = route
  const choice = action.kind === 'route' ? chooseCluster(action, request) : undefined
  const exchange = exchangeOf(configuration, virtualHost, route, request, choice)
  return choice === undefined || clusterExists(choice.name) ? exchange : { ...exchange, cluster: undefined }
}

function exchangeOf(
  configuration: RouteConfiguration,
  virtualHost: VirtualHost,
  route: Route,
  request: HttpRequest,
  choice?: ClusterChoice,
): Exchange {
  return {
    request,
    configuration,
    virtualHost,
    route,
    matchedPath: matchedPath(route.match, request),
    cluster: choice?.name,
    weightedCluster: choice?.weighted,
    upstream: { path: request.path, authority: request.authority, headers: routedHeaders(request, route) },
  }
}

function answered(
  configuration: RouteConfiguration,
  answer: Answer,
  virtualHost: VirtualHost | undefined,
  route: Route | undefined,
  choice?: ClusterChoice,
): Decision {
  return {
    outcome: answer.outcome,
    lane: 'user-space',
    virtualHost: virtualHost?.name,
    route: route?.name,
    cluster: undefined,
    path: undefined,
    authority: undefined,
    status: answer.status,
    location: answer.location === undefined ? undefined : trim(bytesOf(answer.location)),
    body: answer.body,
    requestHeaders: undefined,
    responseHeaders: asBytes(answer.responseHeaders.all),
    reason: answer.reason,
    detail: detailOf(configuration, virtualHost, route, choice),
  }
}

/**
 * Envoy looks for a route even when it answers that a path is no good, for the headers of the response; it finds one when the client itself has sent
 * x-forwarded-proto, or an early mutation has written it; the connection manager has not, so early (tried). The virtual host it finds in any case.
 */
function placeBehind(
  { configuration, hosts }: RouteTable,
  { request, reason }: Extract<Admission, { kind: 'refused' }>,
  world: World,
): Place | undefined {
  // the codec
  if (request.isUnread || reason.startsWith('http1.')) return undefined
  const virtualHost = findVirtualHost(hosts, hostOf(configuration, request))?.virtualHost
  if (virtualHost === undefined) return undefined
  const proto = request.headers.get('x-forwarded-proto') ?? ''
  const early = request.withoutScheme()
  const choice = proto === '' || needsTls(virtualHost, request, proto) ? undefined : chooseRoute(virtualHost, early, undefined)
  return { virtualHost, exchange: choice?.kind === 'route' ? unserved(configuration, virtualHost, choice.route, early, world) : undefined }
}

/** a gRPC client is answered as one also where its request is no good */
function refusedBefore(
  { request, status, reason, location, body = '' }: Extract<Admission, { kind: 'refused' }>,
  { rules }: World,
  behind: Place | undefined,
  method: string,
): Decision {
  const answer =
    location === undefined
      ? rules.refuse(request, 'direct_response', status, reason, behind?.exchange, { body, virtualHost: behind?.virtualHost })
      : rules.sendElsewhere(request, status, location, reason, behind)
  return {
    ...NOWHERE,
    outcome: answer.outcome,
    status: answer.status,
    location: answer.location === undefined ? undefined : trim(bytesOf(answer.location)),
    body: method === 'HEAD' ? '' : (answer.body ?? ''),
    responseHeaders: asBytes(answer.responseHeaders.all),
    reason,
    detail: NO_DETAIL,
  }
}

function undecided(configuration: RouteConfiguration, virtualHost: VirtualHost, route: Route | undefined, why: string): Decision {
  return {
    ...NOWHERE,
    outcome: 'divert',
    virtualHost: virtualHost.name,
    route: route?.name,
    reason: why,
    detail: detailOf(configuration, virtualHost, route),
  }
}

/** Of a request that goes nowhere, but for its detail. */
export const NOWHERE = {
  lane: 'user-space',
  outcome: 'divert' as Outcome,
  virtualHost: undefined,
  route: undefined,
  cluster: undefined,
  path: undefined,
  authority: undefined,
  status: undefined,
  location: undefined,
  body: undefined,
  requestHeaders: undefined,
  responseHeaders: undefined,
} as const
