/**
 * Levels of header mutations in the order of their evaluation: what comes later has the last word. Source: route_components.proto; compiler/action/response-headers.ts
 * has the same order.
 */
import type { HeaderMutations, Route, RouteConfiguration, VirtualHost, WeightedCluster } from '../../http/model.ts'

export function levelsOf(
  configuration: RouteConfiguration,
  host: VirtualHost,
  route: Route,
  weighted: WeightedCluster | undefined,
): readonly HeaderMutations[] {
  const common = [route.headers, host.headers, configuration.headers]
  if (configuration.mostSpecificHeaderMutationsWins) common.reverse()
  return weighted === undefined ? common : [weighted.headers, ...common]
}

/** Most routes change no header of what is sent in answer. */
export function changesResponses({ responseAdd, responseRemove }: HeaderMutations): boolean {
  return responseAdd.length > 0 || responseRemove.length > 0
}
