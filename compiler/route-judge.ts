/**
 * The interpreter of HTTP routing behind the face that route tests need (expect/judge.ts). In: decoded resources and the Program. Out: a judge.
 * A request is decided where it says (`route_config`), else at the listener that it would meet, as `kmeshc trace` finds it.
 */
import { matchText } from './diff/match-text.ts'
import { objectAt, type PlainObject, toPlain, valueAt } from './diff/plain.ts'
import type { Decided, Judgement, KnownRoute, RouteJudge } from './expect/judge.ts'
import type { RouteTable } from './http/eval.ts'
import type { HttpRoutes } from './http/find-routes.ts'
import type { Decision, MatchNext, MatchTree, Route } from './http/model.ts'
import { parsePath } from './input/path.ts'
import type { Resource } from './input/resource.ts'
import type { Program } from './ir/program.ts'
import { createLaneBook } from './route-lanes.ts'
import { findServices } from './services.ts'
import { traceRoutes } from './trace/trace-routes.ts'
import { createTracer } from './trace/tracer.ts'

export function createRouteJudge(resources: readonly Resource[], program: Program): RouteJudge {
  const routes = traceRoutes(resources)
  const services = findServices(resources, routes)
  const tracer = createTracer(
    resources,
    () => program,
    createLaneBook(() => ({ program, services })),
    routes,
  )
  return {
    routes: knownRoutes(resources, routes),
    decide(request, routeConfig) {
      const trace = routeConfig === undefined ? tracer.atListener(request) : tracer.atRoutes(routeConfig, request)
      if (trace === undefined)
        return nowhere(`there is no route configuration "${routeConfig}"; there are ${tracer.routeConfigurations.join(', ') || 'none'}`)
      if ('why' in trace) return nowhere(trace.why)
      return { decided: inWords(trace.decision), routePath: trace.decision.detail.route?.path }
    },
  }
}

function inWords(decision: Decision): Decided {
  const { outcome, lane, virtualHost, route, cluster, path, authority, status, location, body, requestHeaders, responseHeaders, reason } =
    decision
  return {
    ...{ outcome, lane, virtual_host: virtualHost, route, cluster, path, authority, status, location, body },
    ...{ request_headers: requestHeaders, response_headers: responseHeaders, reason },
  }
}

function nowhere(reason: string): Judgement {
  const nothing = undefined
  return {
    decided: {
      ...{ outcome: 'error', lane: 'none', virtual_host: nothing, route: nothing, cluster: nothing, path: nothing, authority: nothing },
      ...{ status: nothing, location: nothing, body: nothing, request_headers: nothing, response_headers: nothing, reason },
    },
    routePath: undefined,
  }
}

function knownRoutes(resources: readonly Resource[], routes: HttpRoutes): readonly KnownRoute[] {
  const tables = new Map<string, RouteTable>()
  for (const table of [...routes.entries.map((entry) => routes.tableOf(entry)), ...routes.names.map((name) => routes.table(name))])
    if (table !== undefined) tables.set(table.configuration.path, table)
  const roots = new Map(resources.map((resource) => [resource.path, resource]))
  return [...tables.values()].flatMap(({ configuration }) =>
    configuration.virtualHosts.flatMap((host) =>
      routesOf(host.matcher, host.routes).map(({ path, name }) => ({
        path,
        routeConfiguration: configuration.name,
        virtualHost: host.name,
        route: name === '' ? matchOf(path, roots) : name,
      })),
    ),
  )
}

function routesOf(matcher: MatchTree | undefined, routes: readonly Route[]): readonly Route[] {
  if (matcher === undefined) return routes
  const next = (one: MatchNext | undefined): readonly Route[] =>
    one === undefined || one.kind === 'unknown' ? [] : one.kind === 'routes' ? one.routes : routesOf(one.tree, [])
  const entries = matcher.kind === 'list' ? matcher.entries.map((entry) => entry.next) : [...matcher.entries.values()]
  return [...entries, matcher.otherwise].flatMap(next)
}

/** What a route without a name matches, in words. */
function matchOf(path: string, roots: ReadonlyMap<string, Resource>): string {
  const { root, steps } = parsePath(path)
  const resource = roots.get(root)
  if (resource === undefined) return path
  const at = steps.reduce<unknown>((value, step) => (value as Record<string | number, unknown> | undefined)?.[step], plainOf(resource))
  return matchText(objectAt(valueAt(at as PlainObject | undefined, 'match')))
}

const plains = new WeakMap<Resource, PlainObject>()

function plainOf(resource: Resource): PlainObject {
  const known = plains.get(resource) ?? toPlain(resource.content)
  plains.set(resource, known)
  return known
}
