/**
 * The direct lane: does everything that a connection manager may receive end at one cluster, unchanged? In: a service. Out: the cluster and the path of its
 * route, or undefined. Then no request needs to be looked at, and a connection to the service is a connection to an endpoint.
 * What Envoy's codec would refuse reaches the endpoint, and a connection stays with its endpoint where Envoy would balance request by request.
 */
import type { HeaderMutations, Route, VirtualHost } from '../http/model.ts'
import type { HttpService } from './program.ts'

export interface OnlyCluster {
  readonly path: string
  readonly cluster: string
}

export function onlyCluster({ manager, routes, filters, undone }: HttpService): OnlyCluster | undefined {
  if (undone.size > 0) return undefined
  if (filters.length > 0 || changes(routes.headers) || routes.mirrors.length > 0 || routes.filters.size > 0) return undefined
  if (manager.front.proxyStatus !== undefined) return undefined
  if (manager.via !== '' || manager.userAgent !== undefined || manager.appendXForwardedPort || manager.upgrades.size > 0) return undefined
  if (!routes.virtualHosts.some(({ domains }) => domains.includes('*')) || routes.vhostHeader !== undefined) return undefined
  const targets = routes.virtualHosts.map(targetOf)
  const [first] = targets
  return first !== undefined && targets.every((target) => target?.cluster === first.cluster) ? first : undefined
}

/** The one cluster of a virtual host. */
function targetOf(host: VirtualHost): OnlyCluster | undefined {
  if (host.requireTls !== 'none' || host.matcher !== undefined || host.retry !== undefined || host.hedge) return undefined
  if (changes(host.headers) || host.mirrors.length > 0 || host.filters.size > 0 || host.includeAttemptCountInResponse) return undefined
  const last = host.routes.findIndex(takesAll)
  if (last < 0) return undefined
  const targets = host.routes.slice(0, last + 1).map(forwardsTo)
  const [first] = targets
  return first !== undefined && targets.every((target) => target?.cluster === first.cluster) ? first : undefined
}

function takesAll({ match }: Route): boolean {
  return match.length === 1 && match[0]?.kind === 'prefix' && match[0].text === '/'
}

function forwardsTo({ path, action, headers, filters }: Route): OnlyCluster | undefined {
  if (action.kind !== 'route' || action.cluster.kind !== 'cluster' || changes(headers) || filters.size > 0) return undefined
  const { pathRewrite, hostRewrite, appendXForwardedHost, timeouts, retry, hash, mirrors, upgrades, criteria } = action
  if (pathRewrite !== undefined || hostRewrite !== undefined || appendXForwardedHost || hash.length + criteria.length > 0) return undefined
  if (retry !== undefined || mirrors.length > 0 || upgrades.length > 0) return undefined
  const timed = timeouts.timeout !== 0 || timeouts.streamDuration || timeouts.idle !== undefined || (timeouts.maxGrpcTimeout ?? 0) !== 0
  return timed ? undefined : { path, cluster: action.cluster.name }
}

function changes({ requestAdd, requestRemove, responseAdd, responseRemove }: HeaderMutations): boolean {
  return requestAdd.length + requestRemove.length + responseAdd.length + responseRemove.length > 0
}
