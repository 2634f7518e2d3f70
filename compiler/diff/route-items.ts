/**
 * A RouteConfiguration as items: virtual hosts with their domains and routes, in routing terms. In: envoy.config.route.v3.RouteConfiguration as plain JSON.
 * Routes are ordered (Envoy takes the first that matches); virtual hosts and domains are not, since at most one domain fits a host.
 */
import { routeAction } from './action-text.ts'
import type { Item } from './item.ts'
import { matchText } from './match-text.ts'
import { listAt, objectAt, type Plain, type PlainObject, textAt, without } from './plain.ts'

export function routeConfigurationItem(configuration: PlainObject, path: string): Item {
  const name = textAt(configuration, 'name')
  return {
    kind: 'route_configuration',
    key: name,
    name,
    path,
    facts: {},
    rest: without(configuration, 'name', 'virtual_hosts'),
    parts: listAt(configuration, 'virtual_hosts').map((host, index) => virtualHostItem(host, `${path}.virtual_hosts[${index}]`)),
  }
}

function virtualHostItem(host: Plain, path: string): Item {
  const name = textAt(host, 'name')
  return {
    kind: 'virtual_host',
    key: name,
    name,
    path,
    facts: {},
    rest: without(host, 'name', 'domains', 'routes'),
    parts: [
      ...listAt(host, 'domains').map((domain, index) => domainItem(String(domain), `${path}.domains[${index}]`)),
      ...listAt(host, 'routes').map((route, index) => routeItem(route, `${path}.routes[${index}]`)),
    ],
  }
}

function domainItem(domain: string, path: string): Item {
  return { kind: 'domain', key: domain.toLowerCase(), name: domain, path, facts: {}, parts: [] }
}

function routeItem(route: Plain, path: string): Item {
  const name = textAt(route, 'name')
  const match = matchText(objectAt(route, 'match'))
  const { action, weights, clusters, rest } = routeAction(without(route))
  return {
    kind: 'route',
    ordered: true,
    key: `${name}\0${match}`,
    aka: [match, ...(name === '' ? [] : [`\0${name}`])],
    name: name === '' ? match : name,
    title: name,
    path,
    facts: { match, action },
    rest,
    clusters,
    parts: weights.map((one) => weightItem(one, `${path}.route.weighted_clusters`)),
  }
}

/** Also for tcp_proxy. */
export function weightItem(one: { readonly cluster: string; readonly weight: string; readonly rest: PlainObject }, path: string): Item {
  const { cluster, weight, rest } = one
  return { kind: 'weight', key: cluster, name: cluster, path, facts: { weight }, rest, parts: [], clusters: [cluster] }
}
