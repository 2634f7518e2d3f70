/**
 * What rings and Maglev tables are built over. In: a Balance. Out: for each step of the load that has a priority, the hosts with their normalized
 * weights. Invariant: positive weights that sum to 1 (but for rounding), in Envoy's host order; empty where Envoy finds nobody.
 * Source: Envoy's thread_aware_lb_impl.cc: one table per priority over its healthy hosts (all hosts in panic), also when the load is for degraded
 * hosts; locality weights as given, without regard to availability; fail_traffic_on_panic has no effect. The sums run in Envoy's order and in
 * doubles, because rings depend on their last bit.
 */
import type { Balance, Endpoint, Priority } from '../ir/program.ts'
import { endpointsOf, loadSteps, loadsOf } from './health.ts'
import { localitiesOf } from './tiers.ts'

export interface TableHost {
  readonly endpoint: Endpoint
  readonly weight: number
}

export interface TableTier {
  readonly priority: number
  readonly percent: number
  readonly upto: number
  readonly hosts: readonly TableHost[]
}

export function tableTiersOf(balance: Balance): readonly TableTier[] {
  const loads = loadsOf(balance)
  const byPriority = new Map<number, readonly TableHost[]>()
  return loadSteps(loads).map(({ priority, percent, upto }) => {
    let hosts = byPriority.get(priority)
    if (hosts === undefined) {
      hosts = normalized(balance.priorities[priority] as Priority, balance.localityWeighted, loads.panic[priority] === true)
      byPriority.set(priority, hosts)
    }
    return { priority, percent, upto, hosts }
  })
}

function normalized(priority: Priority, localityWeighted: boolean, panic: boolean): readonly TableHost[] {
  const health = panic ? undefined : 'healthy'
  if (!localityWeighted) return share(endpointsOf(priority, health), 1)
  const localities = localitiesOf(priority)
  const sum = localities.reduce((total, locality) => total + locality.weight, 0)
  return localities
    .filter((locality) => locality.weight > 0)
    .flatMap((locality) => {
      const endpoints = locality.endpoints.filter((endpoint) => panic || endpoint.health === 'healthy')
      return share(endpoints, locality.weight / sum)
    })
}

function share(endpoints: readonly Endpoint[], part: number): readonly TableHost[] {
  const sum = endpoints.reduce((total, endpoint) => total + endpoint.weight, 0)
  return endpoints.map((endpoint) => ({ endpoint, weight: (endpoint.weight * part) / sum }))
}
