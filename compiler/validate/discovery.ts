/**
 * What a proxy fetches for itself beside listeners, clusters, endpoints and routes: filters (ECDS), scoped routes (SRDS), virtual hosts (VHDS). Envoy loads all of it; a
 * snapshot has only the place where it is missing, so each is named there, and what depends on it is left to user space. An error only where Envoy lacks what may come.
 * Source: Envoy's http_connection_manager.proto, listener_components.proto, cluster/v3/filter.proto, route.proto.
 */
import { isOfOtherBuilds } from './extension-points.ts'
import { EXTENSION_TYPES, type ExtensionKind } from './extension-types.ts'
import { quote } from './quote.ts'
import { ROUTE, type Rule } from './rule.ts'

const FILTERS: Readonly<Record<string, string>> = {
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter': 'HTTP filter',
  'envoy.config.listener.v3.ListenerFilter': 'listener filter',
  'envoy.config.listener.v3.Filter': 'network filter',
  'envoy.config.cluster.v3.Filter': 'filter of a cluster',
}

export const discoveredFilters: Rule = {
  types: Object.keys(FILTERS),
  check(at, context) {
    if (!at.has('config_discovery')) return
    const fallback = at.message('config_discovery')?.has('default_config') === true ? ', with a default until it comes' : ''
    context.warn(
      'KM1721',
      at.at('config_discovery'),
      `the ${FILTERS[at.type]} ${quote(at.string('name') ?? '')} is fetched over ECDS (config_discovery)${fallback}; what passes it needs user space`,
    )
  },
}

/** by type: which extensions may come */
const KINDS: Readonly<Record<string, ExtensionKind>> = {
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter': 'filters.http',
  'envoy.config.listener.v3.ListenerFilter': 'filters.listener',
  'envoy.config.listener.v3.Filter': 'filters.network',
  'envoy.config.cluster.v3.Filter': 'filters.upstream_network',
}

/** Filters that are fetched say of which types they may be; Envoy needs to have each. */
export const discoveredTypes: Rule = {
  types: Object.keys(KINDS),
  check(at, context) {
    const kind = KINDS[at.type]
    const source = at.message('config_discovery')
    if (kind === undefined || source === undefined) return
    const types: ReadonlySet<string> = EXTENSION_TYPES[kind]
    for (const url of source.strings('type_urls')) {
      const type = url.slice(url.lastIndexOf('/') + 1)
      if (types.has(type)) continue
      if (isOfOtherBuilds(type)) context.warn('KM2116', source.at('type_urls'), `${type} is not in the standard build of Envoy`)
      else context.refuseUnlessLoaded('KM2115', source.at('type_urls'), `Envoy has no extension for ${quote(type)} here (${kind})`)
    }
  },
}

export const scopedRoutes: Rule = {
  types: ['envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'],
  check(at, context) {
    if (at.oneof('route_specifier') !== 'scoped_routes') return
    const name = at.message('scoped_routes')?.string('name') ?? ''
    context.warn(
      'KM1722',
      at.at('scoped_routes'),
      `the scoped routes ${quote(name)} (SRDS) choose a route configuration for each request; it needs user space`,
    )
  },
}

export const discoveredVirtualHosts: Rule = {
  types: [`${ROUTE}RouteConfiguration`],
  check(at, context) {
    if (!at.has('vhds')) return
    const name = at.string('name') ?? ''
    context.warn(
      'KM1723',
      at.at('vhds'),
      `the route configuration ${quote(name)} fetches virtual hosts on demand (VHDS); hosts that are not in the snapshot need user space`,
    )
  },
}
