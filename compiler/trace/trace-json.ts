/**
 * One trace as JSON: the fields of a batch's line, and the way there. In: a Trace and what was tried. Out: the fields of proto/trace.schema.json in order,
 * without diagnostics.
 */
import type { Locate, Place as Position } from '../diag/place.ts'
import type { RequestLine } from '../http/request.ts'
import type { Program } from '../ir/program.ts'
import type { Place } from './choose-entry.ts'
import { endpointTexts } from './endpoints.ts'
import { plainData } from './show-data.ts'
import type { Detail, Trace } from './tracer.ts'

export interface JsonContext {
  readonly locate: Locate
  readonly program: () => Program
}

interface Named {
  readonly name: string
  readonly path: string
  readonly position?: Position
}

export function traceJson(
  line: RequestLine,
  trace: Trace,
  detail: Detail,
  { locate, program }: JsonContext,
): Readonly<Record<string, unknown>> {
  const named = (name: string, path: string): Named => {
    const position = locate(path)
    return { name, path, ...(position !== undefined && { position }) }
  }
  const { decision, place, others } = trace
  const { virtualHost, route, retry, mirrors, filters } = decision.detail
  const forward = route?.action.kind === 'route' ? route.action : undefined
  return {
    request: { ...line, scheme: line.scheme ?? 'http' },
    outcome: decision.outcome,
    lane: decision.lane,
    lane_reason: decision.laneReason ?? null,
    status: decision.status ?? null,
    location: decision.location ?? null,
    body: decision.body ?? null,
    cluster: decision.cluster ?? null,
    endpoints: decision.cluster === undefined || decision.outcome !== 'cluster' ? [] : endpointTexts(program(), decision),
    path: decision.path ?? null,
    authority: decision.authority ?? null,
    request_headers: decision.requestHeaders ?? null,
    response_headers: decision.responseHeaders ?? null,
    reason: decision.reason,
    ...placeJson(place, named),
    candidates: others.flatMap((other) =>
      'listener' in other
        ? [named(other.listener.name, other.listener.path)]
        : 'table' in other
          ? [named(other.table.configuration.name, other.table.configuration.path)]
          : [],
    ),
    ...(virtualHost !== undefined && {
      virtual_host: { ...named(virtualHost.name, virtualHost.path), ...(detail.domain !== undefined && { domain: detail.domain }) },
    }),
    tried: detail.tried.map(({ name, path, why }) => ({ ...named(name, path), why })),
    ...(route !== undefined && { route: named(route.name, route.path) }),
    filters: detail.filters.map(({ name, config, verdict }) => ({ ...named(name, config.path), verdict })),
    policies: plainData({
      timeouts: forward?.timeouts,
      retry,
      hash: forward?.hash,
      mirrors,
      filters: Object.fromEntries(
        [...filters].map(([name, config]) => [name, { type: config.type, disabled: config.disabled, data: config.data }]),
      ),
    }),
  }
}

function placeJson(place: Place, named: (name: string, path: string) => Named): Readonly<Record<string, Named>> {
  const routes = 'table' in place ? { route_configuration: named(place.table.configuration.name, place.table.configuration.path) } : {}
  if (!('listener' in place)) return routes
  const chain = place.chain === undefined ? {} : { filter_chain: named(place.chain.name, place.chain.path) }
  return { listener: named(place.listener.name, place.listener.path), ...chain, ...routes }
}
