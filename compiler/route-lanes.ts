/**
 * Which routes the kernel decides. In: a snapshot and its Program. Out: the lanes of a connection manager or of a route configuration, lowered when first asked for.
 * Where phases meet: read by http/, meant by ir/, lowered by lower/.
 */
import type { ConnectionManager } from './http/connection-manager.ts'
import type { RouteTable } from './http/eval.ts'
import type { Resource } from './input/resource.ts'
import type { HttpService, Program } from './ir/program.ts'
import { lowerServices } from './lower/http/lower-services.ts'
import { slowReason } from './lower/to-plan.ts'
import { findServices } from './services.ts'
import type { LaneBook, RouteLanes } from './trace/lanes.ts'

export function createLaneBook(resources: readonly Resource[], program: () => Program): LaneBook {
  const known = new Map<string, RouteLanes>()
  const lanesOf = (service: HttpService): RouteLanes => {
    const held = known.get(service.path)
    if (held !== undefined) return held
    const made = lower(service, program())
    known.set(service.path, made)
    return made
  }
  let services: ReadonlyMap<string, HttpService> | undefined
  return {
    ofManager(path) {
      services ??= findServices(resources).byManager
      const governing = program().services.find((service) => service.path === path)
      if (governing !== undefined) return lanesOf(governing)
      const service = services.get(path)
      return service === undefined ? new Map() : lanesOf(service)
    },
    isDirect: (path) => !program().services.some((service) => service.path === path) && leadsToCluster(path, program()),
    ofTable: ({ configuration }: RouteTable, manager: ConnectionManager) =>
      lanesOf({ path: configuration.path, listener: '', manager, routes: configuration, filters: [], undone: new Map() }),
  }
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
