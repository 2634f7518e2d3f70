/** The routes of a snapshot as they are really decided: with the host names of its clusters, which automatic host rewrites need. In: decoded resources. Out: routes with their rules. */
import { createActions } from '../action/table.ts'
import { findRoutes, type HttpRoutes } from '../http/find-routes.ts'
import type { Resource } from '../input/resource.ts'
import { createHostNames } from './host-names.ts'

export function traceRoutes(resources: readonly Resource[]): HttpRoutes {
  return findRoutes(resources, createActions(createHostNames(resources)))
}
