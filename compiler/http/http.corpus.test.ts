/**
 * Routing against the recorded answers of a real Envoy, where they are. In: files of cases, each a route configuration with requests and outcomes. Out: every request
 * whose outcome was recorded behind routing agrees.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { actions } from '../action/table.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { readInput } from '../input/read.ts'
import { decide } from './eval.ts'
import { findRoutes } from './find-routes.ts'
import type { Decision } from './model.ts'
import type { HeaderPair } from './request.ts'

const DATA = process.env.KMESH_DATA ?? ''
const FILES = ['fuzz-shared', 'corpus-oracle-shared', 'istio-shared', 'odd-accepted-shared']
/** the request was refused before it was routed */
const BEFORE = ['http1.codec_error', 'path_normalization_failed', 'absolute_path_rejected']
const TYPE = 'type.googleapis.com/envoy.config.'

interface Case {
  readonly id: string
  readonly route_config: Record<string, unknown>
  readonly requests: readonly {
    readonly method: string
    readonly authority: string
    readonly path: string
    readonly headers: readonly HeaderPair[]
  }[]
  readonly outcomes: readonly Outcome[]
  readonly nondeterministic?: boolean | readonly boolean[]
}

interface Outcome {
  readonly status: number
  readonly details?: string
  readonly cluster?: string
  readonly upstream_path?: string
  readonly upstream_host?: string
  readonly upstream_headers?: readonly HeaderPair[]
  readonly location?: string
  readonly body?: string
}

for (const file of FILES) {
  const path = join(DATA, 'routing', `${file}.jsonl`)
  if (!existsSync(path)) continue
  test(`${file}: as Envoy answered`, () => {
    const misses: string[] = []
    let judged = 0
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      if (line === '') continue
      const found = judge(JSON.parse(line) as Case)
      judged += found.judged
      misses.push(...found.misses)
    }
    assert.ok(judged > 0, 'no case was judged')
    assert.is(
      misses.length,
      0,
      `${misses.length} of ${judged} differ:\n${misses.slice(0, Number(process.env.KMESH_SHOW ?? 20)).join('\n')}`,
    )
  })
}

function judge(recorded: Case): { readonly judged: number; readonly misses: readonly string[] } {
  const sink = createDiagnostics()
  const resources = [{ ...recorded.route_config, '@type': `${TYPE}route.v3.RouteConfiguration`, name: 'case' }, ...clustersOf(recorded)]
  const input = readInput([{ name: 'case.json', bytes: Buffer.from(JSON.stringify(resources)) }], sink)
  const routes = findRoutes(input.resources, actions)
  const table = routes.table('case')
  const misses: string[] = []
  let judged = 0
  for (const [index, request] of recorded.requests.entries()) {
    const want = recorded.outcomes[index] as Outcome
    if (want.details === undefined || want.details.startsWith('?') || BEFORE.includes(want.details)) continue
    judged++
    const { nondeterministic } = recorded
    const loose = Array.isArray(nondeterministic) ? nondeterministic[index] === true : nondeterministic === true
    const got =
      table === undefined
        ? undefined
        : decide(table, routes.bare, { ...request, scheme: 'http' }, { rules: actions, clusterExists: routes.clusterExists })
    const why = got === undefined ? 'no route configuration' : difference(request.method, want, got, loose)
    if (why !== undefined)
      misses.push(`${recorded.id} ${request.method} ${request.authority} ${request.path} ${JSON.stringify(request.headers)}: ${why}`)
  }
  return { judged, misses }
}

/** What existed when Envoy answered: every cluster named but missing*, and those that answered. */
function clustersOf(recorded: Case): readonly unknown[] {
  const names = new Set<string>()
  collect(recorded.route_config, names)
  for (const { cluster } of recorded.outcomes) if (cluster) names.add(cluster)
  return [...names]
    .filter((name) => !name.startsWith('missing') || recorded.outcomes.some(({ cluster }) => cluster === name))
    .map((name) => ({
      '@type': `${TYPE}cluster.v3.Cluster`,
      name,
      type: 'STATIC',
      connect_timeout: '2s',
      load_assignment: { cluster_name: name },
    }))
}

function collect(value: unknown, names: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) collect(item, names)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, below] of Object.entries(value)) {
      if (key === 'cluster' && typeof below === 'string') names.add(below)
      if (key === 'weighted_clusters' || key === 'weightedClusters')
        for (const { name } of (below as { clusters?: readonly { name?: string }[] }).clusters ?? []) if (name) names.add(name)
      collect(below, names)
    }
  }
}

function difference(method: string, want: Outcome, got: Decision, anyCluster: boolean): string | undefined {
  const outcome = expected(want)
  const local = (name: string): boolean => name === 'redirect' || name === 'direct_response'
  if (got.outcome !== outcome && !(local(outcome) && local(got.outcome))) return `outcome ${got.outcome} (${got.reason}), not ${outcome}`
  if (outcome === 'cluster') {
    if (anyCluster || !want.cluster) return undefined
    if (got.cluster !== want.cluster) return `cluster ${got.cluster}, not ${want.cluster}`
    if (got.path !== want.upstream_path) return `path ${got.path}, not ${want.upstream_path}`
    if (got.authority !== want.upstream_host) return `authority ${got.authority}, not ${want.upstream_host}`
    const have = new Set((got.requestHeaders ?? []).map(([name, value]) => `${name.toLowerCase()}: ${value}`))
    for (const [name, value] of want.upstream_headers ?? []) {
      const header = `${name.toLowerCase()}: ${value}`
      if (!/^(x-forwarded|x-request-id|x-envoy|host|content-length|:)/.test(header) && !have.has(header))
        return `no request header ${header}`
    }
    return undefined
  }
  if (got.status !== want.status) return `status ${got.status}, not ${want.status}`
  if (local(outcome) && got.location !== (want.location ?? undefined)) return `location ${got.location}, not ${want.location}`
  if (outcome === 'direct_response' && want.body && method !== 'HEAD' && got.body !== want.body) return `body ${got.body}, not ${want.body}`
  return undefined
}

function expected({ details, location, status }: Outcome): string {
  if (details === 'via_upstream') return 'cluster'
  if (details === 'cluster_not_found') return 'no_cluster'
  if (details === 'route_not_found') return 'no_route'
  return location && status >= 300 && status < 400 ? 'redirect' : 'direct_response'
}

test.run()
