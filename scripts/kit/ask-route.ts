/**
 * Requests against a route configuration written in a test. In: proto3 JSON and requests. Out: decisions, or whether a RouteMatch takes a request.
 */
import { actions } from '../../compiler/action/table.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import type { ConnectionManager } from '../../compiler/http/connection-manager.ts'
import { decide, type Explanation } from '../../compiler/http/eval.ts'
import { findRoutes } from '../../compiler/http/find-routes.ts'
import type { Decision } from '../../compiler/http/model.ts'
import type { RequestLine } from '../../compiler/http/request.ts'
import { readInput } from '../../compiler/input/read.ts'

const TYPE = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration'

export type Asked = (request?: Partial<RequestLine>, manager?: Partial<ConnectionManager>, explanation?: Explanation) => Decision

/** `configuration`: a RouteConfiguration; no cluster is in the snapshot, so those that it names exist */
export function askRoute(configuration: Readonly<Record<string, unknown>>): Asked {
  const resources = [{ ...configuration, '@type': TYPE, name: 'test' }]
  const input = readInput([{ name: 'test.json', bytes: Buffer.from(JSON.stringify(resources)) }], createDiagnostics())
  const routes = findRoutes(input.resources, actions)
  const table = routes.table('test')
  if (table === undefined) throw new Error('the route configuration cannot be read')
  return (request, manager, explanation) =>
    decide(
      table,
      { ...routes.bare, ...manager },
      { method: 'GET', authority: 'a.com', path: '/', headers: [], ...request },
      { rules: actions, clusterExists: routes.clusterExists },
      explanation,
    )
}

/** Whether a RouteMatch takes requests. */
export function askMatch(
  match: Readonly<Record<string, unknown>>,
  configuration: Readonly<Record<string, unknown>> = {},
): (request?: Partial<RequestLine>) => boolean {
  const ask = askRoute({
    ...configuration,
    virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/', ...match }, route: { cluster: 'hit' } }] }],
  })
  return (request) => ask(request).outcome === 'cluster'
}

/** A RouteMatch with a path condition of its own. */
export function askPath(
  match: Readonly<Record<string, unknown>>,
  configuration: Readonly<Record<string, unknown>> = {},
): (path: string) => boolean {
  const ask = askRoute({
    ...configuration,
    virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match, route: { cluster: 'hit' } }] }],
  })
  return (path) => ask({ path }).outcome === 'cluster'
}
