/**
 * Tells the user whose requests are not decided in the kernel. In: services and their lanes. Out: a warning for each route, or for the virtual host or connection
 * manager where it is all of theirs. Invariant: every reason is told once, at the place that causes it.
 */
import type { Diagnostics } from '../../diag/diagnostic.ts'
import type { Undone } from '../../http/undone.ts'
import type { RouteLane, ServiceLanes } from './lowered.ts'

export function reportLanes(lanes: readonly ServiceLanes[], diag: Diagnostics): void {
  const tell = (path: string, requests: string, { why, waypoint }: Undone): void => {
    diag.report(
      waypoint === true
        ? {
            code: 'KM1704',
            severity: 'warning',
            path,
            message: `${requests} need the waypoint: ${why}`,
            fix: 'run `kmesh-runtime serve --waypoint HOST:PORT`, or remove what is named',
          }
        : {
            code: 'KM1703',
            severity: 'warning',
            path,
            message: `${requests} are decided in user space: ${why}`,
            fix: 'nothing has to be done; it costs what a proxy costs',
          },
    )
  }
  for (const service of lanes) {
    if (service.slow !== undefined) tell(service.path, 'requests', service.slow)
    for (const host of service.virtualHosts) {
      if (service.slow === undefined && host.slow !== undefined) tell(host.path, 'requests of this virtual host', host.slow)
      for (const route of host.routes) {
        const undone = undoneOf(route)
        if (undone !== undefined && undone.why !== (service.slow ?? host.slow)?.why) tell(route.path, 'requests of this route', undone)
      }
    }
  }
}

function undoneOf({ lane, why }: RouteLane): Undone | undefined {
  if (lane === 'kernel') return undefined
  return lane === 'waypoint' ? { why, waypoint: true } : { why }
}
