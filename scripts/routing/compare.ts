/**
 * What Envoy did against what the interpreter says. In: an outcome and a decision for one request. Out: nothing, or in which words they differ; or that the
 * request never came to routing. Invariant: everything that both tell is compared; left out is only what a wire or a clock decides.
 */
import type { Decision } from '../../compiler/http/model.ts'
import type { RoutingOutcome } from './routing-case.ts'

export type Comparison =
  | { readonly kind: 'same' }
  | { readonly kind: 'different'; readonly why: readonly string[] }
  /** the interpreter cannot decide */
  | { readonly kind: 'undecided'; readonly why: string }
  /** Envoy's codec refused it before there was a request, or its log does not tell */
  | { readonly kind: 'none'; readonly why: string }

type Pairs = readonly (readonly [name: string, value: string])[]

export function compareOutcome(want: RoutingOutcome, got: Decision): Comparison {
  if (want.details === undefined || want.status === undefined) return { kind: 'none', why: `no answer: ${want.details}` }
  // a tunnel that Envoy itself ends: its upstream sees no request
  if (want.details === 'downstream_remote_disconnect') return { kind: 'none', why: want.details }
  if (want.details === 'http1.codec_error' || want.details === 'http1.invalid_url') return { kind: 'none', why: want.details }
  if (got.outcome === 'divert') return { kind: 'undecided', why: got.reason }
  const why = [...(want.upstream === undefined ? answered(want, want.status, got) : forwarded(want, want.upstream, got))]
  return why.length === 0 ? { kind: 'same' } : { kind: 'different', why }
}

function* forwarded(want: RoutingOutcome, seen: NonNullable<RoutingOutcome['upstream']>, got: Decision): Generator<string> {
  if (got.outcome !== 'cluster') {
    yield `outcome ${got.outcome} (${got.reason}), Envoy forwards to ${seen.cluster}`
    return
  }
  yield* differ('cluster', got.cluster, seen.cluster)
  yield* differ('route', got.route || undefined, want.route)
  yield* differ('path', got.path, seen.path)
  yield* differ('authority', got.authority, seen.authority)
  yield* headersDiffer('request header', got.requestHeaders ?? [], seen.headers, WIRE_REQUEST)
  // an upstream that takes no upgrade: its answer is Envoy's own
  if (want.details === 'websocket_handshake_unsuccessful') return
  yield* headersDiffer('response header', got.responseHeaders ?? [], want.response_headers, WIRE_RESPONSE)
}

function* answered(want: RoutingOutcome, status: number, got: Decision): Generator<string> {
  if (got.outcome === 'cluster') {
    yield `outcome cluster ${got.cluster}, Envoy answers ${status} ${want.details}`
    return
  }
  yield* differ('reason', got.reason, want.details)
  // Envoy may look for a route once more when it answers what it refused before routing
  if (!REFUSED_EARLY.has(want.details ?? '')) yield* differ('route', got.route || undefined, want.route)
  yield* differ('status', got.status, status)
  yield* differ('location', got.location, want.location)
  yield* differ('body', got.body === undefined ? '' : Buffer.from(got.body, 'utf8').toString('latin1'), want.body)
  yield* headersDiffer('response header', got.responseHeaders ?? [], want.response_headers, WIRE_RESPONSE)
}

const REFUSED_EARLY: ReadonlySet<string> = new Set([
  'path_normalization_failed',
  'rejecting_because_detection_failed',
  'missing_host_header',
])

/** What the connection adds. */
const WIRE_RESPONSE: ReadonlySet<string> = new Set([
  'date',
  'server',
  'content-length',
  'connection',
  'transfer-encoding',
  'x-envoy-upstream-service-time',
])
const WIRE_REQUEST: ReadonlySet<string> = new Set([])

function* differ(what: string, got: unknown, want: unknown): Generator<string> {
  if (got !== want) yield `${what} ${JSON.stringify(got)}, Envoy ${JSON.stringify(want)}`
}

/** Order counts among those of one name. */
function* headersDiffer(what: string, got: Pairs, want: Pairs, wire: ReadonlySet<string>): Generator<string> {
  const mine = byName(got, wire)
  const theirs = byName(want, wire)
  for (const name of new Set([...mine.keys(), ...theirs.keys()])) {
    const [a, b] = [mine.get(name), theirs.get(name)]
    if (JSON.stringify(a) !== JSON.stringify(b)) yield `${what} ${name}: ${JSON.stringify(a)}, Envoy ${JSON.stringify(b)}`
  }
}

function byName(pairs: Pairs, wire: ReadonlySet<string>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const [name, value] of pairs) {
    if (wire.has(name)) continue
    const held = found.get(name)
    if (held === undefined) found.set(name, [value])
    else held.push(value)
  }
  return found
}
