/**
 * Whether a route sends requests on: then it adds its response headers to answers that others give under it, too. In: a route. Out: yes or no.
 * Source: Envoy's router/config_impl.cc: redirects and direct responses are no RouteEntry.
 */
import type { Route } from './model.ts'

export function forwards(route: Route | undefined): boolean {
  return route?.action.kind === 'route' || route?.action.kind === 'non_forwarding'
}
