/**
 * Which routes the kernel decides. In: what a snapshot means. Out: the lanes of a connection manager or of a route configuration, lowered when first asked for.
 * Where phases meet: read by http/, meant by ir/, lowered by lower/.
 */
import type { Understanding } from './compile.ts'
import type { HttpService, Program } from './ir/program.ts'
import { lowerServices } from './lower/http/lower-services.ts'
import { slowReason } from './lower/to-plan.ts'
import type { LaneBook, ManagerLanes, RouteLanes } from './trace/lanes.ts'

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
      const made = lower({ path, listener: '', manager, routes: configuration, filters: [], undone: new Map() }, understand().program)
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
function leadsToCluster(manager: string, { listeners }: Program): boolean {
  return listeners.some(({ path, chains, fallback }) =>
    [...chains.map(({ action }) => action), fallback].some(
      (action) => action.kind === 'cluster' && manager.startsWith(`${path}.`) && action.path.startsWith(manager),
    ),
  )
}

function lower(service: HttpService, { clusters }: Program): RouteLanes {
  const indices = new Map(clusters.map(({ name }, index) => [name, index]))
  const { lanes } = lowerServices([service], {
    cluster: (name) => indices.get(name),
    clusterNames: [...indices.keys()],
    slowCluster: (name) => slowReason(clusters[indices.get(name) ?? -1]),
    routeState: () => 1,
    bucketState: () => 1,
  })
  return new Map(
    lanes.flatMap(({ virtualHosts }) =>
      virtualHosts.flatMap(({ routes }) => routes.map(({ path, lane, why }) => [path, { lane, why }] as const)),
    ),
  )
}
