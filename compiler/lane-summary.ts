/**
 * Where the requests of a snapshot are decided, in numbers: the summary of `check`. In: what it means and the lanes of its routes. Out: connection managers whose connections
 * go straight to an endpoint, and routes by lane. Each route that is not the kernel's has a warning that says why (lower/http/report-lanes.ts).
 */
import type { Understanding } from './compile.ts'
import type { ServiceLanes } from './lower/http/lowered.ts'
import { leadsToCluster } from './route-lanes.ts'

export interface LaneSummary {
  /** xDS paths of connection managers */
  readonly direct: readonly string[]
  /** numbers of routes */
  readonly switched: number
  readonly userSpace: number
  readonly waypoint: number
}

export function summariseLanes({ services, program }: Understanding, lanes: readonly ServiceLanes[]): LaneSummary {
  const count = { kernel: 0, slow: 0, waypoint: 0 }
  for (const { virtualHosts } of lanes) for (const { routes } of virtualHosts) for (const { lane } of routes) count[lane]++
  const routed = new Set(program.services.map(({ path }) => path))
  const direct = [...services.byManager.keys()].filter((path) => !routed.has(path) && leadsToCluster(path, program))
  return { direct, switched: count.kernel, userSpace: count.slow, waypoint: count.waypoint }
}

/** '' where there is no HTTP. */
export function laneText({ direct, switched, userSpace, waypoint }: LaneSummary): string {
  const parts = [
    [direct.length, 'direct', 'listener'],
    [switched, 'switched', 'route'],
    [userSpace, 'in user space', 'route'],
    [waypoint, 'at the waypoint', 'route'],
  ] as const
  return parts.flatMap(([number, lane, noun]) => (number === 0 ? [] : [`${number} ${noun}${number === 1 ? '' : 's'} ${lane}`])).join(', ')
}
