/**
 * What a decision carries besides its answer. In: the levels of configuration that a request went through. Out: the policies and filter settings that hold for it.
 * Source: Envoy's router/config_impl.cc (buildRetryPolicy, shadow policies, mostSpecificPerFilterConfig).
 */
import type { ClusterChoice } from './cluster-choice.ts'
import type { DecisionDetail, PerFilter, Route, RouteConfiguration, VirtualHost } from './model.ts'

const NO_FILTERS: PerFilter = new Map()
export const NO_DETAIL: DecisionDetail = {
  virtualHost: undefined,
  route: undefined,
  weightedCluster: undefined,
  cluster: undefined,
  retry: undefined,
  mirrors: [],
  filters: NO_FILTERS,
}

/** The route's own policies win as a whole over those above it. Of filters, the most specific by name. */
export function detailOf(
  configuration: RouteConfiguration,
  virtualHost: VirtualHost | undefined,
  route: Route | undefined,
  choice?: ClusterChoice,
): DecisionDetail {
  if (virtualHost === undefined) return NO_DETAIL
  const forward = route?.action.kind === 'route' ? route.action : undefined
  const weightedCluster = choice?.weighted
  const own = forward !== undefined && forward.mirrors.length > 0 ? forward.mirrors : virtualHost.mirrors
  return {
    virtualHost,
    route,
    weightedCluster,
    cluster: choice?.name || undefined,
    retry: forward?.retry ?? virtualHost.retry,
    mirrors: own.length > 0 ? own : configuration.mirrors,
    filters: mergeFilters(configuration.filters, virtualHost.filters, route?.filters ?? NO_FILTERS, weightedCluster?.filters ?? NO_FILTERS),
  }
}

function mergeFilters(...levels: readonly PerFilter[]): PerFilter {
  const set = levels.filter((level) => level.size > 0)
  const [first = NO_FILTERS] = set
  return set.length < 2 ? first : new Map(set.flatMap((level) => [...level]))
}
