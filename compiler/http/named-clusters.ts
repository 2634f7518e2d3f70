/** The clusters that a route configuration names: of routes and weighted clusters. In: a RouteConfiguration. Out: their names; not those that a header may name. */
import type { MatchNext, MatchTree, Route, RouteConfiguration } from './model.ts'

export function namedClusters({ virtualHosts }: RouteConfiguration): ReadonlySet<string> {
  const names = new Set<string>()
  for (const { routes, matcher } of virtualHosts) {
    for (const route of matcher === undefined ? routes : routesOf(matcher)) for (const name of clustersOf(route)) names.add(name)
  }
  names.delete('')
  return names
}

/** Of one route; '' where a header names it. */
export function clustersOf({ action }: Route): readonly string[] {
  if (action.kind !== 'route') return []
  const { cluster } = action
  if (cluster.kind === 'cluster') return [cluster.name]
  return cluster.kind === 'weighted' ? cluster.clusters.map(({ name }) => name) : []
}

function routesOf(tree: MatchTree): readonly Route[] {
  const next = tree.kind === 'list' ? tree.entries.map((entry) => entry.next) : [...tree.entries.values()]
  return [...next, ...(tree.otherwise === undefined ? [] : [tree.otherwise])].flatMap(routesBehind)
}

function routesBehind(next: MatchNext): readonly Route[] {
  if (next.kind === 'routes') return next.routes
  return next.kind === 'tree' ? routesOf(next.tree) : []
}
