/**
 * The HTTP services of a snapshot: connection managers whose routes are known. In: its resources. Out: services by the path of their connection manager, and the
 * accounting of their fields. Where phases meet: decoded by input/, read by http/ and action/, meant for ir/.
 */
import { liveFormats } from './action/live-formats.ts'
import type { HttpRoutes } from './http/find-routes.ts'
import { undoneOf } from './http/undone.ts'
import type { RouteConfiguration } from './http/model.ts'
import { clustersOf } from './http/named-clusters.ts'
import type { Cursor } from './input/cursor.ts'
import type { Resource } from './input/resource.ts'
import type { HttpService } from './ir/program.ts'
import type { ServiceLanes } from './lower/http/lowered.ts'
import { undoneFields } from './parse/fates-http.ts'
import { createAllHostNames } from './trace/host-names.ts'
import { readHttpFilters } from './trace/http-filters.ts'
import { traceRoutes } from './trace/trace-routes.ts'

export interface Services {
  readonly byManager: ReadonlyMap<string, HttpService>
  /** what HttpService.hostNames is for a route configuration */
  hostNames(routes: RouteConfiguration): HttpService['hostNames']
  /** gives their class to connection managers and routes that are not decided in the kernel; once, when it is known which are */
  account(lanes: readonly ServiceLanes[]): void
}

const UNUSED = 'no listener that is governed leads here'

export function findServices(resources: readonly Resource[], routes: HttpRoutes = traceRoutes(resources)): Services {
  const byManager = new Map<string, HttpService>()
  const namesOf = createAllHostNames(resources)
  const hostNames = (routes: RouteConfiguration): HttpService['hostNames'] => namesAsked(routes, namesOf)
  for (const entry of routes.entries) {
    const table = routes.tableOf(entry)
    const at = routes.configurationOf(entry)
    if (table === undefined || at === undefined) continue
    const { listener, path, manager } = entry
    const undone = undoneOf(entry.at, at, undoneFields, liveFormats)
    byManager.set(path, {
      path,
      listener,
      manager,
      routes: table.configuration,
      filters: readHttpFilters(entry.at),
      undone,
      hostNames: hostNames(table.configuration),
      ...codecOf(entry.at),
    })
  }
  return { byManager, hostNames, account: (lanes) => account(routes, lanes) }
}

function namesAsked({ virtualHosts }: RouteConfiguration, namesOf: (cluster: string) => readonly string[]): HttpService['hostNames'] {
  const asked = virtualHosts.flatMap(({ routes }) =>
    routes.filter(({ action }) => action.kind === 'route' && action.hostRewrite?.kind === 'auto'),
  )
  return new Map(asked.flatMap(clustersOf).flatMap((name) => (name === '' ? [] : [[name, namesOf(name)] as const])))
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
  for (const [index, { routes }] of virtualHosts.entries()) {
    if (routes.every(({ lane }) => lane === 'kernel')) continue
    const lanes = new Map(routes.map((route) => [route.path, route]))
    for (const route of configuration.item('virtual_hosts', index).messages('routes')) {
      const { lane = 'kernel', why = '' } = lanes.get(route.path) ?? {}
      if (lane === 'slow') route.markAll('diverted', `its requests are decided in user space: ${why}`)
      if (lane === 'waypoint') route.markAll('diverted', `its requests need the waypoint: ${why}`)
    }
  }
}
