/**
 * One service as rows. In: its connection manager and routes, and how actions are lowered. Out: its row, and for each route where its requests are decided and why.
 * A virtual host, a route or a condition that the kernel cannot say is a row that leads to user space: what is in front of it and behind it stays.
 */
import {
  service as serviceLayout,
  serviceHeaders,
  route as routeLayout,
  virtualHost as hostLayout,
  wildcards,
} from '../../../proto/http/matching.ts'
import { ROUTE_SLOW, SERVICE_SLOW, VIRTUAL_HOST_EXACT, VIRTUAL_HOST_FOLD, VIRTUAL_HOST_SLOW } from '../../../proto/http/matching.ts'
import type { Route, VirtualHost } from '../../http/model.ts'
import type { Undone } from '../../http/undone.ts'
import type { HttpService } from '../../ir/program.ts'
import type { HttpBuilder } from './builder.ts'
import { placePaths } from './candidates.ts'
import { lowerQuestion, unsaidIn } from './conditions.ts'
import { placeDomains } from './domains.ts'
import { isExternal, isHttps } from './header-question.ts'
import { interestFilter, interestTable } from './interest.ts'
import { KernelLane } from './kernel-lane.ts'
import type { RouteLane, ServiceLanes, VirtualHostLane } from './lowered.ts'
import { matchQuestion } from './match-question.ts'
import { createPathTable, type PathRoute } from './paths.ts'
import { ALWAYS, type Question } from './question.ts'
import { type ActionLowering, createServiceScope, type LoweredAction, type ServiceScope } from './scope.ts'
import { serviceFlags, serviceReason, serviceSettings } from './service-settings.ts'

export interface LoweredService {
  /** of km_service */
  readonly row: number
  readonly lanes: ServiceLanes
}

export function lowerService(service: HttpService, builder: HttpBuilder, actions: ActionLowering): LoweredService {
  // km_service, km_wildcards, the condition of a checked header and km_service_headers
  const row = builder.reserve(4)
  const scope = createServiceScope(builder, service, row)
  const settings = serviceSettings(service, scope)
  const reason = serviceReason(service)
  const { virtualHosts } = service.routes
  const rows: number[] = []
  const lanes = virtualHosts.map((host) => {
    const lowered = lowerHost(host, scope, actions, reason)
    rows.push(lowered.row)
    return lowered.lane
  })
  const domains = placeDomains(virtualHosts, (index) => rows[index] ?? 0, scope)
  const nowhere = rowOf(actions.nowhere(undefined, scope))
  builder.set(row, serviceLayout, {
    flags:
      domains.flags | (reason !== undefined || !domains.complete || !settings.complete ? SERVICE_SLOW : 0) | serviceFlags(service, builder),
    any: domains.any,
    nowhere,
    ...interestFilter(scope.interests),
    barred: settings.barred,
    proto: settings.proto,
    checked: settings.referer,
  })
  builder.set(row + 3, serviceHeaders, { single: scope.single, ...interestTable(scope.interests, builder) })
  builder.set(row + 1, wildcards, { suffix: domains.suffix, prefix: domains.prefix })
  return { row, lanes: { path: service.path, slow: reason, virtualHosts: lanes } }
}

function rowOf(action: LoweredAction): number {
  return action.kind === 'row' ? action.row : 0
}

interface LoweredHost {
  readonly row: number
  readonly lane: VirtualHostLane
}

/** `serviceSlow`: why the whole service is not the kernel's */
function lowerHost(host: VirtualHost, scope: ServiceScope, actions: ActionLowering, serviceSlow: Undone | undefined): LoweredHost {
  const { builder, service } = scope
  const row = builder.reserve(1)
  const state = builder.context.routeState(service.path, host.name, '')
  const routes = host.routes.map((route) => lowerRoute(route, host, scope, actions))
  const lane: VirtualHostLane = { path: host.path, name: host.name, slow: undefined, routes: routes.map((route) => route.lane) }
  const slow = (undone: Undone): LoweredHost => {
    builder.set(row, hostLayout, { flags: VIRTUAL_HOST_SLOW, state })
    builder.relocate(row, hostLayout, 'state')
    return { row, lane: { ...lane, slow: undone, routes: lane.routes.map((route) => slowRoute(route, undone)) } }
  }
  const undone = serviceSlow ?? service.undone.get(host.path)
  if (undone !== undefined) return slow(undone)
  if (host.matcher !== undefined) return slow({ why: 'its routes are found by a generic matcher' })
  const table = createPathTable(routes)
  let shared: number | undefined
  const slowRow = (): number => (shared ??= builder.push(routeLayout, { flags: ROUTE_SLOW }))
  const paths = placePaths(table, row, scope, (index) => routes[index]?.row ?? slowRow(), slowRow)
  if (paths.kind === 'slow') return slow(paths)
  builder.set(row, hostLayout, {
    flags: (table.fold ? VIRTUAL_HOST_FOLD : 0) | (paths.exact ? VIRTUAL_HOST_EXACT : 0),
    root: paths.root,
    nowhere: rowOf(actions.nowhere(host, scope)),
    ...tlsFields(host, scope, actions),
    lengths: paths.lengths,
    count: paths.count,
    state,
  })
  builder.relocate(row, hostLayout, 'state')
  const inKernel = lane.routes.every((route) => route.lane === 'kernel')
  return {
    row,
    lane: inKernel
      ? new KernelLane(
          host,
          lane.routes.map((route) => route.state),
        )
      : lane,
  }
}

/** A route of a virtual host that is not the kernel's as a whole. */
function slowRoute(route: RouteLane, { why, waypoint }: Undone): RouteLane {
  if (route.lane === 'waypoint') return route
  return { ...route, lane: waypoint === true ? 'waypoint' : 'slow', why }
}

/** Source: compiler/http/eval.ts (needsTls). Whether a client is internal is not known here. */
function tlsFields(
  host: VirtualHost,
  scope: ServiceScope,
  actions: ActionLowering,
): { readonly tls?: number; readonly tls_action?: number } {
  if (host.requireTls === 'none') return {}
  const plain: Question = { kind: 'not', of: isHttps(scope.service) }
  const question: Question = host.requireTls === 'all' ? plain : { kind: 'all', of: [plain, isExternal(scope.service)] }
  return { tls: lowerQuestion(question, scope), tls_action: rowOf(actions.requireTls(host, scope)) }
}

interface LoweredRoute extends PathRoute {
  readonly row: number
  readonly lane: RouteLane
}

function lowerRoute(route: Route, host: VirtualHost, scope: ServiceScope, actions: ActionLowering): LoweredRoute {
  const { builder, service } = scope
  const [first, ...others] = route.match
  const isPath = first !== undefined && PATHS.has(first.kind)
  const path = isPath ? matchQuestion(first, service) : ALWAYS
  const rest: Question = { kind: 'all', of: (isPath ? others : route.match).map((match) => matchQuestion(match, service)) }
  const undone = service.undone.get(route.path)
  const action: LoweredAction = undone === undefined ? actions.route(route, host, scope) : { kind: 'slow', ...undone }
  const state = builder.context.routeState(service.path, host.name, route.path)
  const row = builder.push(routeLayout, { action: rowOf(action), flags: action.kind === 'slow' ? ROUTE_SLOW : 0, state })
  builder.relocate(row, routeLayout, 'state')
  const unknown = unsaidIn({ kind: 'all', of: [path, rest] }, scope)
  const why = action.kind === 'slow' ? action.why : unknown === '' ? '' : `it asks for ${unknown}`
  const lane = action.kind === 'slow' && action.waypoint === true ? 'waypoint' : why === '' ? 'kernel' : 'slow'
  return { route, path, rest, row, lane: { path: route.path, name: route.name, lane, why, state } }
}

const PATHS: ReadonlySet<string> = new Set([
  'prefix',
  'path',
  'safe_regex',
  'path_separated_prefix',
  'connect_matcher',
  'path_match_policy',
])
