/** Which subsets of clusters routes choose from. In: a RouteConfiguration. Out: a cluster and criteria each; not those whose cluster a header names. */
import type { Route, RouteConfiguration } from './model.ts'
import { type Criteria, mergeCriteria } from './subset-criteria.ts'

export function askedSubsets({ virtualHosts }: RouteConfiguration): readonly (readonly [cluster: string, Criteria])[] {
  const asked: (readonly [string, Criteria])[] = []
  for (const { routes } of virtualHosts)
    for (const route of routes) for (const one of ofRoute(route)) if (one[1].length > 0) asked.push(one)
  return asked
}

function ofRoute({ action }: Route): readonly (readonly [string, Criteria])[] {
  if (action.kind !== 'route') return []
  const { cluster, criteria } = action
  if (cluster.kind === 'cluster') return [[cluster.name, criteria]]
  if (cluster.kind !== 'weighted') return []
  return cluster.clusters.flatMap((one) => (one.name === '' ? [] : [[one.name, mergeCriteria(criteria, one.criteria)] as const]))
}
