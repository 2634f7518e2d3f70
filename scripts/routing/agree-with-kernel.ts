/**
 * The route programs of the kernel against the interpreter. In: routing cases. Out: how many requests both were asked, why the kernel left some to user space, and
 * where they differ. Requests that never come to routing, and those that the kernel's parser leaves to user space, are not asked.
 */
import { actions } from '../../compiler/action/table.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { decide, type RouteTable } from '../../compiler/http/eval.ts'
import { findRoutes, type HttpEntry } from '../../compiler/http/find-routes.ts'
import type { RequestLine } from '../../compiler/http/request.ts'
import type { HttpService } from '../../compiler/ir/program.ts'
import { readInput } from '../../compiler/input/read.ts'
import { SLOW_REASONS } from '../../proto/http/sockets.ts'
import { askKernel, type Reached } from './ask-kernel.ts'
import { listenerResource } from './case-resources.ts'
import type { RoutingCase, RoutingRequest } from './routing-case.ts'

export interface Agreement {
  readonly asked: number
  /** by reason */
  readonly slow: ReadonlyMap<string, number>
  /** one line each */
  readonly wrong: readonly string[]
}

interface Judged {
  readonly one: RoutingCase
  readonly entry: HttpEntry
  readonly table: RouteTable
}

const PLACE = { host: '127.64.0.1', port: 80 }

function judged(one: RoutingCase): readonly Judged[] {
  const listener = { '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener', ...listenerResource(one, PLACE) }
  const input = readInput([{ name: 'case.json', bytes: Buffer.from(JSON.stringify([listener])) }], createDiagnostics())
  const routes = findRoutes(input.resources, actions)
  return routes.entries.flatMap((entry) => {
    const table = routes.tableOf(entry)
    return table === undefined ? [] : [{ one, entry, table }]
  })
}

/** What the interpreter says, in the kernel's words; undefined: the request never comes to routing. */
function expected({ entry, table }: Judged, line: RequestLine): Reached | undefined {
  const decision = decide(table, entry.manager, line, { rules: actions, clusterExists: () => true })
  const { route, virtualHost } = decision.detail
  if (decision.reason === 'upgrade_failed') return undefined
  if (route !== undefined) return { kind: 'route', path: route.path }
  if (decision.reason === 'route_not_found') {
    const host = decision.virtualHost === undefined ? undefined : virtualHost?.path
    return { kind: 'nowhere', path: host ?? '' }
  }
  return decision.outcome === 'redirect' && virtualHost !== undefined ? { kind: 'tls', path: virtualHost.path } : undefined
}

/** What the kernel's parser leaves to user space before there is a route to find. */
const NOT_HERE =
  /^(?:connection|upgrade|te|expect|transfer-encoding|keep-alive|proxy-connection|host|content-length|http2-settings|x-envoy-.*)$/i

export function isForKernel({ method, path, headers, authority }: RoutingRequest): boolean {
  return (
    method !== 'CONNECT' &&
    method.length + authority.length + path.length + headers.flat().join().length < LONGEST &&
    /^\/[\x21-\x7e]*$/.test(path) &&
    !path.includes('#') &&
    headers.every(([name]) => !NOT_HERE.test(name) && /^[A-Za-z0-9._-]+$/.test(name))
  )
}

/** Near KM_HEAD_MAX. */
const LONGEST = 3500

const REASON = new Map<number, string>(Object.entries(SLOW_REASONS).map(([name, number]) => [number, name]))

/** One for each case. */
export function agreedServices(cases: readonly RoutingCase[]): readonly HttpService[] {
  return cases.flatMap(judged).map(serviceOf)
}

function serviceOf({ entry, table }: Judged): HttpService {
  const { path, listener, manager } = entry
  return { path, listener, manager, routes: table.configuration, filters: [], undone: new Map(), hostNames: new Map() }
}

export async function agreeWithKernel(cases: readonly RoutingCase[]): Promise<Agreement> {
  const all = cases.flatMap(judged)
  const kernel = await askKernel(all.map(serviceOf))
  const slow = new Map<string, number>()
  const wrong: string[] = []
  let asked = 0
  for (const [service, one] of all.entries()) {
    for (const request of one.one.requests.filter(isForKernel)) {
      for (const [random, share] of [
        [0n, 0],
        [999_999n, 0.9999995],
      ] as const) {
        const line = { ...request, source: '127.0.0.1:40000', destination: `${PLACE.host}:${PLACE.port}`, random: share }
        const want = expected(one, line)
        if (want === undefined) continue
        asked++
        const got = kernel.ask(service, request, { random })
        if (got.kind === 'slow') {
          const reason = REASON.get(got.reason) ?? String(got.reason)
          slow.set(reason, (slow.get(reason) ?? 0) + 1)
        } else if (got.kind !== want.kind || got.path !== want.path) {
          wrong.push(`${one.one.id} ${JSON.stringify(request)} ${JSON.stringify(want)} but ${JSON.stringify(got)}`)
        }
      }
    }
  }
  kernel.close()
  return { asked, slow, wrong }
}
