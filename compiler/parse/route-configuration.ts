/**
 * envoy.config.route.v3.RouteConfiguration. In: its cursor. Out: its name. What it means is read where connection
 * managers are (compiler/http); what becomes of its fields is told there too.
 */
import type { Cursor } from '../input/cursor.ts'
import type { RouteConfiguration } from './resources.ts'

export function readRouteConfiguration(at: Cursor): RouteConfiguration {
  const name = at.string('name') ?? ''
  return { name, path: at.path }
}
