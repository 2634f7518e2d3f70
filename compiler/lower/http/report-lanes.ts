/**
 * Tells the user whose requests are not decided in the kernel. In: services and their lanes. Out: a warning for each route, or for the virtual host or connection
 * manager where it is all of theirs. Invariant: every reason is told once, at the place that causes it.
 */
import type { Diagnostics } from '../../diag/diagnostic.ts'
import type { HttpService } from '../../ir/program.ts'
import type { ServiceLanes } from './lowered.ts'

export function reportLanes(services: readonly HttpService[], lanes: readonly ServiceLanes[], diag: Diagnostics): void {
  for (const [index, service] of services.entries()) {
    for (const [path, why] of service.undone) {
      diag.report({
        code: 'KM1704',
        severity: 'warning',
        path,
        message: `requests need the waypoint: ${why}`,
        fix: 'run `kmesh-runtime serve --waypoint HOST:PORT`, or remove what is named',
      })
    }
    for (const { routes } of lanes[index]?.virtualHosts ?? []) {
      for (const { path, lane, why } of routes) {
        if (lane === 'kernel' || service.undone.has(path)) continue
        diag.report({
          code: 'KM1703',
          severity: 'warning',
          path,
          message: `requests of this route are decided in user space: ${why}`,
          fix: 'nothing has to be done; it costs what a proxy costs',
        })
      }
    }
  }
}
