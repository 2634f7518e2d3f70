/**
 * The HTTP services of a snapshot: connection managers whose routes are known. In: its resources. Out: services by the path of their connection manager, and the
 * accounting of their fields. Where phases meet: decoded by input/, read by http/ and action/, meant for ir/.
 */
import type { HttpRoutes } from './http/find-routes.ts'
import { undoneOf } from './http/undone.ts'
import type { Cursor } from './input/cursor.ts'
import type { Resource } from './input/resource.ts'
import type { HttpService } from './ir/program.ts'
import type { ServiceLanes } from './lower/http/lowered.ts'
import { undoneFields } from './parse/fates-http.ts'
import { readHttpFilters } from './trace/http-filters.ts'
import { traceRoutes } from './trace/trace-routes.ts'

export interface Services {
  readonly byManager: ReadonlyMap<string, HttpService>
  /** gives their class to connection managers and routes that are not decided in the kernel; once, when it is known which are */
  account(lanes: readonly ServiceLanes[]): void
}

const UNUSED = 'no listener that is governed leads here'

export function findServices(resources: readonly Resource[], routes: HttpRoutes = traceRoutes(resources)): Services {
  const byManager = new Map<string, HttpService>()
  for (const entry of routes.entries) {
    const table = routes.tableOf(entry)
    const at = routes.configurationOf(entry)
    if (table === undefined || at === undefined) continue
    const { listener, path, manager } = entry
    const undone = undoneOf(entry.at, at, undoneFields)
    byManager.set(path, {
      path,
      listener,
      manager,
      routes: table.configuration,
      filters: readHttpFilters(entry.at),
      undone,
      ...codecOf(entry.at),
    })
  }
  return { byManager, account: (lanes) => account(routes, lanes) }
}

function codecOf(manager: Cursor): Pick<HttpService, 'codec'> {
  return manager.enum('codec_type') === 'HTTP2' ? { codec: 'HTTP2' } : {}
}

function account({ entries, configurationOf, discovered }: HttpRoutes, lanes: readonly ServiceLanes[]): void {
  const byManager = new Map(lanes.map((service) => [service.path, service]))
  const used = new Set<Cursor>()
  for (const entry of entries) {
    const service = byManager.get(entry.path)
    if (service === undefined) {
      entry.at.markAll('diverted', UNUSED)
      continue
    }
    const routes = configurationOf(entry)
    if (routes === undefined) continue
    used.add(routes)
    markSlow(routes, service)
  }
  for (const at of discovered.values()) if (!used.has(at)) at.markAll('diverted', UNUSED)
}

/** Routes that several services use are said to need user space when one of them says so. */
function markSlow(configuration: Cursor, { virtualHosts }: ServiceLanes): void {
  for (const [index, host] of configuration.messages('virtual_hosts').entries()) {
    const lanes = new Map(virtualHosts[index]?.routes.map((route) => [route.path, route]))
    for (const route of host.messages('routes')) {
      const { lane = 'kernel', why = '' } = lanes.get(route.path) ?? {}
      if (lane === 'slow') route.markAll('diverted', `its requests are decided in user space: ${why}`)
      if (lane === 'waypoint') route.markAll('diverted', `its requests need the waypoint: ${why}`)
    }
  }
}
