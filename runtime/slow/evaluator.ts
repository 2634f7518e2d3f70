/**
 * The interpreter behind requests that are really served: the same one as behind `kmeshc trace`. In: the services document of an artifact. Out: for a
 * connection, the connection manager that it meets; for a request, a Judgement.
 * Invariant: a filter that is not understood never lets a request pass: it belongs to the waypoint.
 */
import type { LiveState, TokenBucket } from '../../compiler/action/filter.ts'
import { timeoutsOf } from '../../compiler/action/timeouts.ts'
import { liveFormats } from '../../compiler/action/live-formats.ts'
import { actions } from '../../compiler/action/table.ts'
import { readBalancePolicy } from '../../compiler/balance/read.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { admit, type ConnectionManager } from '../../compiler/http/connection-manager.ts'
import { decide, type RouteTable, type World } from '../../compiler/http/eval.ts'
import type { Exchange } from '../../compiler/http/exchange.ts'
import { findRoutes } from '../../compiler/http/find-routes.ts'
import { readRuntime } from '../../compiler/http/runtime.ts'
import { type Criteria, NO_CRITERIA } from '../../compiler/http/subset-criteria.ts'
import { undoneOf } from '../../compiler/http/undone.ts'
import type { Cursor } from '../../compiler/input/cursor.ts'
import { undoneFields } from '../../compiler/parse/fates-http.ts'
import type { Decision, HttpFilterEntry } from '../../compiler/http/model.ts'
import type { RequestLine } from '../../compiler/http/request.ts'
import { readInput } from '../../compiler/input/read.ts'
import type { Cluster } from '../../compiler/ir/program.ts'
import { toClusters } from '../../compiler/ir/clusters.ts'
import { isGrpc } from '../../compiler/match/grpc.ts'
import { type ParseOptions, parse } from '../../compiler/parse/parse.ts'
import { createEntrances } from '../../compiler/trace/choose-entry.ts'
import { createHostNames } from '../../compiler/trace/host-names.ts'
import { applyFilters, type FilterStep, readHttpFilters } from '../../compiler/trace/http-filters.ts'
import { readListeners } from '../../compiler/trace/listeners.ts'
import type { ServicesDocument } from '../../proto/http/services.ts'
import { type ClusterSettings, createClusterSettings } from './cluster-settings.ts'
import { type ManagerSettings, readManagerSettings } from './manager-settings.ts'
import { type AskedRetry, askedRetry } from './retry-policy.ts'

export interface Evaluator {
  /** Both are ip:port. */
  entrance(asked: string, client: string): Entrance
  /** what the criteria choose of it */
  cluster(name: string, criteria?: Criteria): Cluster | undefined
  settings(cluster: string): ClusterSettings
  /** host name of a cluster's endpoints */
  hostName(cluster: string): string | undefined
}

export type Entrance =
  | { readonly kind: 'service'; readonly service: Service }
  /** nobody here knows what to do with a connection to this address */
  | { readonly kind: 'none'; readonly why: string }

export interface Service {
  readonly settings: ManagerSettings
  readonly manager: ConnectionManager
  readonly table: RouteTable
  readonly filters: readonly HttpFilterEntry[]
  judge(line: RequestLine, live: SharedState): Judgement
}

/** What all requests of this process share; buckets belong to a filter's configuration under one connection manager. */
export interface SharedState {
  random(): number
  takeToken(owner: BucketOwner, bucket: TokenBucket): boolean
}

export interface BucketOwner {
  /** xDS path of the connection manager */
  readonly service: string
  /** and of the filter's configuration */
  readonly filter: string
}

export type Judgement = {
  /** milliseconds that a fault delays the request, before anything else */
  readonly delay: number
  readonly decision: Decision
} /** `hidden`: bytes of a body of which an answer to HEAD only tells the length */ & (
  | { readonly kind: 'answer'; readonly hidden: number }
  | Forward
  /** what decides is not known here */
  | { readonly kind: 'waypoint'; readonly why: string }
)

export interface Forward {
  readonly kind: 'forward'
  readonly exchange: Exchange
  readonly timeouts: { readonly whole: number; readonly perTry: number }
  readonly retry: AskedRetry | undefined
  /** headers that filters add to the answer */
  readonly added: readonly (readonly [name: string, value: string])[]
}

export function createEvaluator(document: ServicesDocument): Evaluator {
  const silent = createDiagnostics()
  const { resources } = readInput([{ name: 'services.json', bytes: Buffer.from(JSON.stringify(document.resources)) }], silent)
  const routes = findRoutes(resources, actions)
  const find = createEntrances(readListeners(resources), routes)
  const { number } = readRuntime(resources)
  const readBalance: ParseOptions['readBalance'] = (at, diag) => readBalancePolicy(at, diag, number)
  const options = { addresses: [], plaintextTo: new Set(document.plaintextTo), strict: false, readBalance }
  const parsed = parse(resources, { ...options, resolve: new Map(Object.entries(document.resolve)) }, silent)
  const clusters = toClusters(parsed, silent)
  const services = new Map<string, Service>()
  return {
    entrance(asked, client) {
      const { place } = find({ ...NO_REQUEST, source: client, destination: asked })
      if (place.kind !== 'http')
        return { kind: 'none', why: 'why' in place ? place.why : `${asked} does not lead to an HTTP connection manager` }
      let service = services.get(place.entry.path)
      if (service === undefined) {
        const { entry, table } = place
        service = createService({
          table,
          manager: entry.manager,
          settings: readManagerSettings(entry.at),
          filters: readHttpFilters(entry.at),
          undone: undoneHere(entry.at, routes.configurationOf(entry)),
          path: entry.path,
          clusterExists: routes.clusterExists,
        })
        services.set(entry.path, service)
      }
      return { kind: 'service', service }
    },
    cluster: (name, criteria = NO_CRITERIA) => clusters.list[clusters.subset(name, criteria) ?? -1],
    settings: createClusterSettings(resources),
    hostName: createHostNames(resources),
  }
}

const NO_REQUEST: RequestLine = { method: 'GET', authority: '', path: '/', headers: [] }

/** What a connection manager and its routes ask for that only the waypoint does, by place. */
function undoneHere(at: Cursor, routes: Cursor | undefined): ReadonlyMap<string, string> {
  if (routes === undefined) return new Map()
  return new Map(
    [...undoneOf(at, routes, undoneFields, liveFormats)].flatMap(([path, { why, waypoint }]) => (waypoint === true ? [[path, why]] : [])),
  )
}

interface Parts {
  readonly table: RouteTable
  readonly manager: ConnectionManager
  readonly settings: ManagerSettings
  readonly filters: readonly HttpFilterEntry[]
  readonly undone: ReadonlyMap<string, string>
  /** of the connection manager */
  readonly path: string
  readonly clusterExists: (name: string) => boolean
}

function createService({ table, manager, settings, filters, undone, path, clusterExists }: Parts): Service {
  const { configuration } = table
  /** The same request with GET has the body. */
  const hidden = (line: RequestLine, { status, reason }: Decision): number => {
    const asGet = { ...line, method: 'GET' }
    const routed = decide(table, manager, asGet, { clusterExists, rules: actions })
    const admission = admit(manager, asGet, configuration.internalOnlyHeaders)
    const same = admission.kind === 'request' ? applyFilters(filters, routed, admission.request, configuration, undefined) : routed
    return same.status === status && same.reason === reason ? Buffer.byteLength(same.body ?? '') : 0
  }
  return {
    settings,
    manager,
    table,
    filters,
    judge(line, shared) {
      const live: LiveState = { random: shared.random, takeToken: (filter, bucket) => shared.takeToken({ service: path, filter }, bucket) }
      let held: { exchange: Exchange; timeouts: Forward['timeouts']; retry: Forward['retry'] } | undefined
      const world: World = {
        clusterExists,
        rules: {
          ...actions,
          forward(exchange) {
            held = { exchange, ...asked(exchange) }
            return actions.forward(exchange)
          },
        },
      }
      const steps: FilterStep[] = []
      const routed = decide(table, manager, line, world)
      const admission = filters.length === 0 ? undefined : admit(manager, line, configuration.internalOnlyHeaders)
      const decision =
        admission?.kind === 'request' && routed.outcome !== 'divert'
          ? applyFilters(filters, routed, admission.request, configuration, steps, live)
          : routed
      const delay = steps.reduce((sum, step) => sum + step.delay, 0)
      const open = steps.find((step) => step.kind === 'open')
      if (open !== undefined) return { kind: 'waypoint', why: open.verdict, delay: 0, decision }
      const { route, virtualHost } = routed.detail
      const why = undone.get(path) ?? undone.get(virtualHost?.path ?? '') ?? undone.get(route?.path ?? '')
      if (why !== undefined || decision.outcome === 'divert') return { kind: 'waypoint', why: why ?? decision.reason, delay: 0, decision }
      if (decision.outcome !== 'cluster' || held === undefined)
        return { kind: 'answer', delay, decision, hidden: line.method === 'HEAD' ? hidden(line, decision) : 0 }
      const before = routed.responseHeaders?.length ?? 0
      return { kind: 'forward', ...held, added: decision.responseHeaders?.slice(before) ?? [], delay, decision }
    },
  }
}

/** What the request itself and its route say about time and tries, before the router takes those headers. */
function asked({ route, virtualHost, upstream, request }: Exchange): Pick<Forward, 'timeouts' | 'retry'> {
  const action = route.action.kind === 'route' ? route.action : undefined
  const policy = action?.retry ?? virtualHost.retry
  const { headers } = upstream
  return {
    timeouts:
      action === undefined ? { whole: 0, perTry: 0 } : timeoutsOf(headers, action.timeouts, policy, isGrpc(request) ? 'grpc' : 'http'),
    retry: askedRetry(policy, headers, request),
  }
}
