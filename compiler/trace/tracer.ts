/**
 * What a snapshot does with a request, from the listener to the cluster. In: a snapshot, a request, and whether it starts at one route configuration. Out: a
 * Trace: the decision, where it was made, and on demand what was tried. Invariant: with and without explanation the decision is the same.
 */
import { admit, type ConnectionManager } from '../http/connection-manager.ts'
import { decide, type Explanation, type RouteTable, type World } from '../http/eval.ts'
import type { HttpRoutes } from '../http/find-routes.ts'
import type { Decision, HttpFilterEntry } from '../http/model.ts'
import type { RequestLine } from '../http/request.ts'
import type { Resource } from '../input/resource.ts'
import type { Program } from '../ir/program.ts'
import { createEntrances, type Found, type Place } from './choose-entry.ts'
import { applyFilters, type FilterStep, readHttpFilters } from './http-filters.ts'
import { type LaneBook, laneOf } from './lanes.ts'
import { decideConnection } from './l4.ts'
import { readListeners, type TraceChain } from './listeners.ts'
import { sentAnswer } from './sent-answer.ts'
import { traceRoutes } from './trace-routes.ts'

export interface Trace {
  readonly decision: Decision
  readonly place: Place
  readonly others: readonly Place[]
}

export interface Detail extends Explanation {
  filters: FilterStep[]
}

export interface Tracer {
  /** undefined: there is no route configuration of this name */
  atRoutes(name: string, line: RequestLine, detail?: Detail): Trace | undefined
  /** undefined: nothing takes the request; `why` in the place */
  atListener(line: RequestLine, detail?: Detail): Trace | { readonly why: string }
  readonly routeConfigurations: readonly string[]
}

/** `program` is asked for at most once, and only for what is not HTTP; without `lanes` every HTTP request is said to be decided in user space */
export function createTracer(
  resources: readonly Resource[],
  program: () => Program,
  lanes?: LaneBook,
  routes: HttpRoutes = traceRoutes(resources),
): Tracer {
  const find = createEntrances(readListeners(resources), routes)
  const world: World = routes
  const filters = new Map<TraceChain, readonly HttpFilterEntry[]>()
  const filtersOf = (chain: TraceChain): readonly HttpFilterEntry[] => {
    let known = filters.get(chain)
    if (known === undefined) {
      known = chain.manager === undefined ? [] : readHttpFilters(chain.manager)
      filters.set(chain, known)
    }
    return known
  }
  const atHttp = (
    table: RouteTable,
    manager: ConnectionManager,
    line: RequestLine,
    chain: TraceChain | undefined,
    detail: Detail | undefined,
  ): Decision => {
    const decision = decide(table, manager, line, world, detail)
    const list = chain === undefined ? [] : filtersOf(chain)
    if (list.length === 0) return decision
    const admission = admit(manager, line, table.configuration.internalOnlyHeaders)
    return admission.kind === 'refused' ? decision : applyFilters(list, decision, admission.request, table.configuration, detail?.filters)
  }
  const atRoutes = (table: RouteTable, line: RequestLine, detail: Detail | undefined): Decision => {
    const decision = sentAnswer(routes.bare, atHttp(table, routes.bare, line, undefined, detail))
    if (lanes === undefined) return decision
    return { ...decision, ...laneOf(line, placesOf(decision, []), lanes.ofTable(table, routes.bare)) }
  }
  const atManager = (
    { table, entry, chain }: Extract<Place, { kind: 'http' }>,
    line: RequestLine,
    detail: Detail | undefined,
  ): Decision => {
    const decision = sentAnswer(entry.manager, atHttp(table, entry.manager, line, chain, detail))
    if (lanes === undefined) return decision
    return { ...decision, ...laneOf(line, placesOf(decision, [entry.path]), lanes.ofManager(entry.path)) }
  }
  return {
    routeConfigurations: routes.names,
    atRoutes(name, line, detail) {
      const table = routes.table(name)
      if (table === undefined) return undefined
      return { decision: atRoutes(table, line, detail), place: { kind: 'routes', table }, others: [] }
    },
    atListener(line, detail) {
      const { place, others }: Found = find(line)
      switch (place.kind) {
        case 'http':
          return { decision: atManager(place, line, detail), place, others }
        case 'routes':
          return { decision: atRoutes(place.table, line, detail), place, others }
        case 'no_routes':
        case 'none':
          return { why: place.why }
        default:
          return { decision: decideConnection(program(), line, place.destination), place, others }
      }
    },
  }
}

/** Paths of what took the request, the most specific first. */
function placesOf({ detail: { route, virtualHost } }: Decision, within: readonly string[]): readonly string[] {
  return [route, virtualHost].flatMap((place) => (place === undefined ? [] : [place.path])).concat(within)
}
