/**
 * Response header mutations of all levels of a route, in Envoy's order. In: an exchange and the response's headers; out: the headers, changed in place.
 * Source: route_components.proto (weighted cluster, route, virtual host, route configuration; most_specific_header_mutations_wins turns the last three).
 */
import type { Exchange } from '../http/exchange.ts'
import type { HeaderMutations } from '../http/model.ts'
import type { Headers } from '../http/request.ts'
import type { FormatContext } from './format.ts'
import { mutateHeaders } from './header-mutations.ts'

/** Levels in the order of evaluation: what comes later has the last word. */
export function levels({ configuration, virtualHost, route, weightedCluster }: Exchange): readonly HeaderMutations[] {
  const common = [route.headers, virtualHost.headers, configuration.headers]
  if (configuration.mostSpecificHeaderMutationsWins) common.reverse()
  return weightedCluster === undefined ? common : [weightedCluster.headers, ...common]
}

/** `path`: of the request as it stands now */
export function mutateResponse(
  exchange: Exchange,
  headers: Headers,
  { path, responseCode, details, virtualCluster }: Pick<FormatContext, 'path' | 'responseCode' | 'details' | 'virtualCluster'>,
): void {
  const { request, upstream, route, cluster } = exchange
  const context: FormatContext = {
    request,
    path,
    authority: upstream.authority,
    requestHeaders: upstream.headers,
    responseHeaders: headers,
    responseCode,
    details,
    routeName: route.name,
    owners: exchange,
    cluster,
    virtualCluster,
  }
  for (const { responseRemove, responseAdd } of levels(exchange)) {
    if (responseRemove.length + responseAdd.length > 0) mutateHeaders(headers, responseRemove, responseAdd, context)
  }
}
