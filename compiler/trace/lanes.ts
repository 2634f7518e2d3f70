/**
 * Where a request is decided: in the kernel or in user space. In: the lanes of a lowering, a request. Out: the lane. The kernel may still leave a request to user space while
 * it runs (no idle upstream, a head in pieces): that is counted on the node, not foreseen here.
 */
import type { ConnectionManager } from '../http/connection-manager.ts'
import type { RouteTable } from '../http/eval.ts'
import type { Lane } from '../http/model.ts'
import type { RequestLine } from '../http/request.ts'

/** xDS path of a route -> is it decided in the kernel, and why not */
export type RouteLanes = ReadonlyMap<string, { readonly lane: 'kernel' | 'slow'; readonly why: string }>

/** direct: connections go straight to an endpoint, and no request is looked at */
export type ManagerLanes = RouteLanes | 'direct'

export interface LaneBook {
  /** by the path of the connection manager */
  ofManager(path: string): ManagerLanes
  ofTable(table: RouteTable, manager: ConnectionManager): RouteLanes
}

/** Headers with which a request is more than a head that the kernel reads (bpf/lib/http/head.h). */
const SPECIAL = /^(?:upgrade|expect|transfer-encoding|te|proxy-connection|x-envoy-.*)$/i
const PLAIN_TARGET = /^\/[!"$-~]*$/

/** `route`: the path of the one that took the request */
export function laneOf(line: RequestLine, route: string | undefined, lanes: ManagerLanes): Lane {
  if (lanes === 'direct') return 'direct'
  if (line.method === 'CONNECT' || line.scheme === 'https' || !PLAIN_TARGET.test(line.path)) return 'user-space'
  if (
    line.headers.some(
      ([name, value]) => SPECIAL.test(name) || (/^connection$/i.test(name) && !/^(?:keep-alive|close)$/i.test(value.trim())),
    )
  )
    return 'user-space'
  return route !== undefined && lanes.get(route)?.lane === 'slow' ? 'user-space' : 'switched'
}
