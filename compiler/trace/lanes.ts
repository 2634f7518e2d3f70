/**
 * Where a request is decided: in the kernel, in user space or at the waypoint. In: the lanes of a lowering, a request. Out: the lane, and why not in the kernel.
 * The kernel may still leave a request to user space while it runs (no idle upstream, a head in pieces): that is counted on the node, not foreseen here.
 */
import type { ConnectionManager } from '../http/connection-manager.ts'
import type { RouteTable } from '../http/eval.ts'
import type { Decision } from '../http/model.ts'
import type { RequestLine } from '../http/request.ts'
import { headReason } from './head-reason.ts'

/** Is it decided in the kernel, and why not? */
export interface PlaceLane {
  readonly lane: 'kernel' | 'slow' | 'waypoint'
  readonly why: string
}

/** xDS path of a route -> its lane; also of virtual hosts and connection managers all of whose requests are not the kernel's */
export type RouteLanes = ReadonlyMap<string, PlaceLane>

/** direct: connections go straight to an endpoint, and no request is looked at */
export type ManagerLanes = RouteLanes | 'direct'

export interface LaneBook {
  /** by the path of the connection manager */
  ofManager(path: string): ManagerLanes
  ofTable(table: RouteTable, manager: ConnectionManager): RouteLanes
}

/** `places`: paths of route, virtual host and connection manager that took the request, the most specific first */
export function laneOf(line: RequestLine, places: readonly string[], lanes: ManagerLanes): Pick<Decision, 'lane' | 'laneReason'> {
  if (lanes === 'direct') return { lane: 'direct' }
  const own = places.map((path) => lanes.get(path)).find((lane) => lane !== undefined)
  if (own?.lane === 'waypoint') return { lane: 'waypoint', laneReason: own.why }
  const laneReason = own?.lane === 'slow' ? own.why : headReason(line)
  return laneReason === '' ? { lane: 'switched' } : { lane: 'user-space', laneReason }
}
