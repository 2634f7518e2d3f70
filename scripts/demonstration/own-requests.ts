/**
 * Requests that a snapshot's own routes speak of. In: the resources of a snapshot, its listeners as the artifact names them. Out: for each route a request that takes it,
 * with what may become of it as the interpreter sees it. Routes without such a request (regexes, what a client cannot choose) are left out.
 */
import { isIP } from 'node:net'
import type { Route, StringMatch, VirtualHost } from '../../compiler/http/model.ts'
import type { RequestLine } from '../../compiler/http/request.ts'
import type { Resource } from '../../compiler/input/resource.ts'
import type { HttpService } from '../../compiler/ir/program.ts'
import type { Match } from '../../compiler/match/table.ts'
import { findServices } from '../../compiler/services.ts'
import { createTracer, type Tracer } from '../../compiler/trace/tracer.ts'
import type { NamesDocument } from '../../proto/artifact/format.ts'
import type { Request } from './ask.ts'

export interface OwnRequest {
  /** "address:port" to dial */
  readonly place: string
  readonly address: string
  readonly port: number
  readonly request: Request
  /** its name, or its xDS path */
  readonly route: string
  /** clusters that may get it */
  readonly clusters: readonly string[]
  /** local replies that it may get: "status location" */
  readonly replies: readonly string[]
}

/** Where services on every address are dialled when no address of theirs is known: addresses for documentation (RFC 5737, RFC 3849). */
const ANY4 = '192.0.2.1'
const ANY6 = '2001:db8::1'
/** Random numbers that the interpreter is asked with, so that every cluster with a weight of a percent is seen. */
const DRAWS = Array.from({ length: 100 }, (_, index) => index / 100)

export function ownRequests(resources: readonly Resource[], names: NamesDocument): readonly OwnRequest[] {
  const { byManager } = findServices(resources)
  const tracer = createTracer(resources, () => {
    throw new Error('only requests of HTTP services are asked')
  })
  return names.services.flatMap(({ listener, path }) => {
    const service = byManager.get(path)
    const addresses = names.listeners.find(({ name }) => name === listener)?.addresses ?? []
    const dialled = addresses.flatMap((text) => placeOf(text))[0]
    if (service === undefined || dialled === undefined || service.undone.has(path)) return []
    return service.routes.virtualHosts.flatMap((host) =>
      host.routes.flatMap((route) => {
        if (service.undone.has(host.path) || service.undone.has(route.path)) return []
        return ownRequest(tracer, service, host, route, dialled)
      }),
    )
  })
}

type Dialled = { readonly address: string | undefined; readonly family: 4 | 6; readonly port: number }

/** The catch-all is left out: it has no port. */
function placeOf(text: string): readonly Dialled[] {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d+)$/.exec(text) ?? []
  const address = bracketed ?? plain
  if (address === undefined) return []
  const family = bracketed === undefined ? 4 : 6
  return [{ address: address === '0.0.0.0' || address === '::' ? undefined : address, family, port: Number(port) }]
}

function ownRequest(tracer: Tracer, { path }: HttpService, host: VirtualHost, route: Route, dialled: Dialled): readonly OwnRequest[] {
  const { family, port } = dialled
  const address = dialled.address ?? host.domains.find((domain) => isIP(domain) === family) ?? (family === 4 ? ANY4 : ANY6)
  const place = family === 4 ? `${address}:${port}` : `[${address}]:${port}`
  const request = requestOf(shortest(host.domains), route.match)
  if (request === undefined) return []
  const line: RequestLine = { ...request, scheme: 'http', destination: place }
  const clusters = new Set<string>()
  const replies = new Set<string>()
  for (const random of DRAWS) {
    const trace = tracer.atListener({ ...line, random })
    if ('why' in trace || trace.place.kind !== 'http' || trace.place.entry.path !== path) return []
    const { outcome, cluster, status, location, detail } = trace.decision
    if (detail.route?.path !== route.path) return []
    if (outcome === 'cluster') clusters.add(cluster ?? '')
    else replies.add(`${status ?? 0} ${location ?? ''}`)
  }
  const common = { place, address, port, request, clusters: [...clusters], replies: [...replies] }
  return [{ ...common, route: route.name === '' ? route.path : route.name }]
}

/** The name that reads best: the shortest, addresses and wildcards last. */
function shortest(domains: readonly string[]): string {
  const named = domains.filter((domain) => /^[a-z][^*]*$/i.test(domain)).sort((a, b) => a.length - b.length)
  return named[0] ?? domains[0] ?? '*'
}

/** undefined: no text is known that fulfils the conditions */
function requestOf(domain: string, match: readonly Match[]): Request | undefined {
  let method = 'GET'
  let authority = domain.replace(/^\*\./, 'any.').replace(/^\*$/, 'other.example').replace(/^\*/, 'any').replace(/\*$/, 'com')
  let path = '/'
  const headers: [string, string][] = []
  const query: string[] = []
  for (const one of match) {
    if (one.kind === 'prefix' || one.kind === 'path' || one.kind === 'path_separated_prefix') path = one.text === '' ? '/' : one.text
    else if (one.kind === 'header') {
      if (one.invert) continue
      const value = one.test.kind === 'value' ? textFor(one.test.value) : one.test.kind === 'range' ? String(one.test.start) : 'yes'
      if (value === undefined) return undefined
      if (one.name === ':method') method = value
      else if (one.name === ':authority' || one.name === 'host') authority = value
      else if (one.name === ':path') path = value
      else if (!(one.test.kind === 'present' && !one.test.present)) headers.push([one.name, value])
    } else if (one.kind === 'query_parameter') {
      const value = one.test.kind === 'value' ? textFor(one.test.value) : '1'
      if (value === undefined) return undefined
      query.push(`${one.name}=${value}`)
    } else if (one.kind !== 'runtime_fraction') return undefined
  }
  return { method, authority, path: query.length === 0 ? path : `${path}?${query.join('&')}`, headers }
}

function textFor(match: StringMatch): string | undefined {
  return match.kind === 'regex' || match.kind === 'unknown' ? undefined : match.text
}
