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

export function changesResponses(levels: readonly HeaderMutations[]): boolean {
  return levels.some(({ responseAdd, responseRemove }) => responseAdd.length + responseRemove.length > 0)
}
