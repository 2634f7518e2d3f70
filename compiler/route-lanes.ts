/**
 * Which routes the kernel decides. In: what a snapshot means. Out: the lanes of a connection manager or of a route configuration, lowered when first asked for.
 * Where phases meet: read by http/, meant by ir/, lowered by lower/.
 */
import type { Understanding } from './compile.ts'
import type { Undone } from './http/undone.ts'
import type { HttpService, Program } from './ir/program.ts'
import { httpClusters } from './lower/http-clusters.ts'
import { lowerServices } from './lower/http/lower-services.ts'
import type { LaneBook, ManagerLanes, PlaceLane, RouteLanes } from './trace/lanes.ts'

/** `understand` is called when the first lane is asked for. */
export function createLaneBook(understand: () => Understanding): LaneBook {
  const managers = new Map<string, ManagerLanes>()
  const tables = new Map<string, RouteLanes>()
  return {
    ofManager(path) {
      const held = managers.get(path)
      if (held !== undefined) return held
      const made = lanesOf(path, understand())
      managers.set(path, made)
      return made
    },
    ofTable({ configuration }, manager) {
      const { path } = configuration
      const held = tables.get(path)
      if (held !== undefined) return held
      const { program, services } = understand()
      const hostNames = services.hostNames(configuration)
      const made = lower({ path, listener: '', manager, routes: configuration, filters: [], undone: new Map(), hostNames }, program)
      tables.set(path, made)
      return made
    },
  }
}

function lanesOf(path: string, { program, services }: Understanding): ManagerLanes {
  const governing = program.services.find((service) => service.path === path)
  if (governing === undefined && leadsToCluster(path, program)) return 'direct'
  const service = governing ?? services.byManager.get(path)
  return service === undefined ? new Map() : lower(service, program)
}

/** A filter chain whose connection manager became a plain cluster: below its path stands the connection manager. */
export function leadsToCluster(manager: string, { listeners }: Program): boolean {
  return listeners.some(({ path, chains, fallback }) =>
    [...chains.map(({ action }) => action), fallback].some(
      (action) => action.kind === 'cluster' && manager.startsWith(`${path}.`) && action.path.startsWith(manager),
    ),
  )
}

function lower(service: HttpService, { clusters }: Program): RouteLanes {
  const { lanes } = lowerServices([service], {
    ...httpClusters(clusters),
    routeState: () => 1,
    bucketState: () => 1,
  })
  return new Map(
    lanes.flatMap(({ virtualHosts, ...service }) => [
      ...placeLane(service),
      ...virtualHosts.flatMap(({ path, slow, routes }) => [
        ...placeLane({ path, slow }),
        ...routes.map((route) => [route.path, { lane: route.lane, why: route.why }] as const),
      ]),
    ]),
  )
}

/** A connection manager or virtual host, where all of its requests have one lane that is not the kernel's. */
function placeLane({
  path,
  slow,
}: {
  readonly path: string
  readonly slow: Undone | undefined
}): readonly (readonly [string, PlaceLane])[] {
  return slow === undefined ? [] : [[path, { lane: slow.waypoint === true ? 'waypoint' : 'slow', why: slow.why }]]
}
