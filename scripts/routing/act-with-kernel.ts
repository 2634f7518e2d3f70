/**
 * What the kernel does with requests against the interpreter: heads that are sent on and replies, byte by byte where the interpreter knows the bytes. In: routing cases.
 * Out: how many requests both were asked, what the kernel left to user space and why, and where they differ.
 */
import { createHttpBuilder } from '../../compiler/lower/http/builder.ts'
import { actionLowering } from '../../compiler/lower/http/actions.ts'
import { lowerService } from '../../compiler/lower/http/lower-service.ts'
import type { HttpContext, ServiceLanes } from '../../compiler/lower/http/lowered.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import type { Decision } from '../../compiler/http/model.ts'
import type { HttpService } from '../../compiler/ir/program.ts'
import { isInlineHeader } from '../../compiler/http/inline-headers.ts'
import { readInput } from '../../compiler/input/read.ts'
import { findServices } from '../../compiler/services.ts'
import { createTracer } from '../../compiler/trace/tracer.ts'
import { SLOW_REASONS } from '../../proto/http/sockets.ts'
import { ipOf } from '../kit/small-program.ts'
import { type ActAnswer, tryActs } from '../kit/try-act.ts'
import { headText } from './ask-kernel.ts'
import { isForKernel } from './agree-with-kernel.ts'
import { clusterResource, listenerResource } from './case-resources.ts'
import { CLUSTERS, type RoutingCase, type RoutingRequest } from './routing-case.ts'

export interface ActAgreement {
  readonly asked: number
  readonly forwards: number
  readonly composed: number
  readonly replies: number
  /** by reason */
  readonly slow: ReadonlyMap<string, number>
  /** why routes are user space's, with the number of requests */
  readonly why: ReadonlyMap<string, number>
  /** one line each */
  readonly wrong: readonly string[]
}

const TYPE = 'type.googleapis.com/envoy.config'
const PLACE = { host: '127.64.0.1', port: 80 }
const SOURCE = { host: '127.0.0.1', port: 40_000 }
/** A number that is -1 modulo every total up to 40 and every denominator, so that all choices take their last part. */
const LAST = 6_678_664_321_329_000_000n - 1n
const DRAWS = [
  [0n, 0],
  [LAST, 1 - 2 ** -40],
] as const

const REASON = new Map<number, string>(Object.entries(SLOW_REASONS).map(([name, number]) => [number, name]))

interface Judged {
  readonly one: RoutingCase
  readonly service: HttpService
  readonly decide: (request: RoutingRequest, random: number) => Decision
  /** the same without filters, where it depends on chance which of them acts; undefined: it does not */
  readonly unfiltered: ((request: RoutingRequest, random: number) => Decision) | undefined
}

function judged(one: RoutingCase): readonly Judged[] {
  const input = inputOf(one)
  const [service] = findServices(input.resources).byManager.values()
  if (service === undefined) return []
  const lax = JSON.stringify([one.route_config, one.hcm ?? {}]).match(/HTTPFault|LocalRateLimit/) !== null
  const unfiltered = lax ? judge(inputOf({ ...one, hcm: { ...one.hcm, http_filters: [] } })) : undefined
  return [{ one, service, decide: judge(input), unfiltered }]
}

function inputOf(one: RoutingCase): ReturnType<typeof readInput> {
  const resources = [
    { '@type': `${TYPE}.listener.v3.Listener`, ...listenerResource(one, PLACE) },
    ...CLUSTERS.map((name) => ({ '@type': `${TYPE}.cluster.v3.Cluster`, ...clusterResource(name, 9) })),
  ]
  return readInput([{ name: 'case.json', bytes: Buffer.from(JSON.stringify(resources)) }], createDiagnostics())
}

function judge(input: ReturnType<typeof readInput>): (request: RoutingRequest, random: number) => Decision {
  const tracer = createTracer(input.resources, () => {
    throw new Error('a connection manager needs no layer 4')
  })
  return (request, random) => {
    const line = { ...request, source: `${SOURCE.host}:${SOURCE.port}`, destination: `${PLACE.host}:${PLACE.port}`, random }
    const trace = tracer.atListener(line)
    if (!('decision' in trace)) throw new Error(trace.why)
    return trace.decision
  }
}

export function actContext(): HttpContext {
  let states = 0
  const index = new Map<string, number>(CLUSTERS.map((name, at) => [name, at]))
  return {
    cluster: (name) => index.get(name),
    clusterNames: CLUSTERS,
    slowCluster: () => undefined,
    routeState: () => ++states,
    bucketState: () => ++states,
  }
}

export async function actWithKernel(cases: readonly RoutingCase[]): Promise<ActAgreement> {
  const all = cases.flatMap(judged)
  const builder = createHttpBuilder(actContext())
  const lowered = all.map(({ service }) => lowerService(service, builder, actionLowering))
  const trial = await tryActs(builder.finish())
  const slow = new Map<string, number>()
  const why = new Map<string, number>()
  const wrong: string[] = []
  const counts = { asked: 0, forwards: 0, composed: 0, replies: 0 }
  for (const [at, { one, decide, unfiltered }] of all.entries()) {
    const { row: service, lanes } = lowered[at] as (typeof lowered)[number]
    for (const request of one.requests.filter(isForKernel).filter(hasOneType)) {
      for (const [random, share] of DRAWS) {
        const want = decide(request, share)
        if (want.outcome === 'divert' || want.reason === 'upgrade_failed') continue
        counts.asked++
        const got = trial.ask(headText(request), {
          service,
          random,
          source: ipOf(SOURCE.host),
          sourcePort: SOURCE.port,
          asked: ipOf(PLACE.host),
          askedPort: PLACE.port,
        })
        if (got.kind === 'slow') {
          count(slow, REASON.get(got.reason) ?? String(got.reason))
          if (got.reason === SLOW_REASONS.route) count(why, whyOf(lanes, want))
          continue
        }
        if (got.kind === 'reply') counts.replies++
        else counts.forwards++
        if (got.kind === 'forward' && !got.same) counts.composed++
        const differs = difference(got, want, request)
        if (differs === '' || (unfiltered !== undefined && difference(got, unfiltered(request, share), request) === '')) continue
        if (unfiltered !== undefined && got.kind === 'reply' && CHANCE.test(got.text)) continue
        wrong.push(`${one.id} ${JSON.stringify(request)} ${random === 0n ? 'first' : 'last'}: ${differs}`)
      }
    }
  }
  trial.close()
  return { ...counts, slow, why, wrong }
}

/** The kernel's parser leaves a repeated content-type to user space. */
function hasOneType({ headers }: RoutingRequest): boolean {
  return headers.filter(([name]) => name.toLowerCase() === 'content-type').length < 2
}

function whyOf(lanes: ServiceLanes, want: Decision): string {
  const host = lanes.virtualHosts.find(({ path }) => path === want.detail.virtualHost?.path)
  return host?.routes.find(({ path }) => path === want.detail.route?.path)?.why ?? `no route (${want.reason})`
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** Answers of filters that depend on chance or on time; those to HEAD are known by their length, those of gRPC by their message. */
const CHANCE = /fault filter abort|local_rate_limited|content-length: 18\r\n/

// ---------------------------------------------------------------- comparing

interface Message {
  readonly first: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

function parse(text: string): Message {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')] as const
  })
  return { first, headers, body: text.slice(end + 4) }
}

/** '' when they agree. */
function difference(got: Exclude<ActAnswer, { kind: 'slow' }>, want: Decision, request: RoutingRequest): string {
  const message = parse(got.text)
  if (got.kind === 'forward') {
    if (want.outcome !== 'cluster') return `forwarded, not ${want.outcome} ${want.reason}`
    if (CLUSTERS[got.cluster] !== want.cluster) return `cluster ${CLUSTERS[got.cluster]} not ${want.cluster}`
    const line = `${request.method} ${want.path} HTTP/1.1`
    if (message.first !== line) return `"${message.first}" not "${line}"`
    const host = message.headers.filter(([name]) => name === 'host').map(([, value]) => value)
    if (host.length !== 1 || host[0] !== want.authority) return `host ${host.join()} not ${want.authority}`
    return headersDiffer(
      'request',
      message.headers.filter(([name]) => name !== 'host'),
      want.requestHeaders ?? [],
      NOT_OURS,
    )
  }
  if (want.outcome === 'cluster') return `answered "${message.first}", not forwarded`
  if (Number(message.first.split(' ')[1]) !== want.status) return `"${message.first}" not ${want.status} ${want.reason}`
  const body = Buffer.from(want.body ?? '', 'utf8').toString('latin1')
  if (message.body !== body) return `body ${JSON.stringify(message.body)} not ${JSON.stringify(body)}`
  const differ = headersDiffer('response', message.headers, want.responseHeaders ?? [], NOT_COMPARED)
  if (differ !== '') return differ
  const length = message.headers.filter(([name]) => name === 'content-length').map(([, value]) => value)
  const bodiless = request.method === 'HEAD' || want.status === 304
  if (length.length > 1 || (!bodiless && want.status !== 204 && length[0] !== String(body.length))) return `content-length ${length.join()}`
  return ''
}

/** Written by Envoy for its upstream, or by its codec. */
const NOT_OURS = /^(?:x-envoy-.*|x-request-id|x-forwarded-proto|content-length)$/
const NOT_COMPARED = /^(?:date|server|content-length|connection)$/

function headersDiffer(
  of: 'request' | 'response',
  got: Message['headers'],
  want: readonly (readonly [name: string, value: string])[],
  left: RegExp,
): string {
  const have = byName(of, got)
  const wanted = byName(of, want)
  for (const name of new Set([...have.keys(), ...wanted.keys()])) {
    if (left.test(name)) continue
    const [a, b] = [have.get(name), wanted.get(name)]
    if (a !== b) return `${name}: ${JSON.stringify(a)} not ${JSON.stringify(b)}`
  }
  return ''
}

/** Inline headers stand once. */
function byName(of: 'request' | 'response', pairs: Message['headers']): ReadonlyMap<string, string> {
  const names = new Map<string, string[]>()
  for (const [name, value] of pairs) names.set(name, [...(names.get(name) ?? []), value])
  return new Map(
    [...names].map(([name, values]) => [
      name,
      isInlineHeader(of, name) ? values.filter((value) => value !== '').join(',') : JSON.stringify(values),
    ]),
  )
}
