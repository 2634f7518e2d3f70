/**
 * envoy.config.route.v3.RouteConfiguration. In: its cursor. Out: its name. Routes have a meaning only for HTTP listeners, which are diverted; so
 * the whole of it is, too.
 */
import type { Cursor } from '../input/cursor.ts'
import type { RouteConfiguration } from './resources.ts'

export function readRouteConfiguration(at: Cursor): RouteConfiguration {
  const name = at.string('name') ?? ''
  at.markAll('diverted', 'routes of HTTP listeners, which need user space')
  return { name, path: at.path }
}
