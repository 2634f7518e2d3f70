/**
 * A request that goes to a cluster: endpoints, tries, timeouts, the answer. In: a request and what was decided. Out: the answer, passed on as it comes.
 * Invariant: once the client has a byte of an answer there is no other try; an answer that is cut off ends in a reset, never in an end that looks whole.
 * Source: Envoy's router/{router,upstream_request}.cc.
 */
import type { IncomingMessage } from 'node:http'
import { endsHere } from '../../compiler/http/eval.ts'
import { chosenCriteria } from '../../compiler/http/cluster-choice.ts'
import { hashRequest } from '../../compiler/http/route-hash.ts'
import type { ForwardAction } from '../../compiler/http/model.ts'
import type { Endpoint } from '../../compiler/ir/program.ts'
import { virtualClusterOf } from '../../compiler/http/virtual-clusters.ts'
import { mutateResponse } from '../../compiler/action/response-headers.ts'
import { addressText } from '../../proto/address/address-text.ts'
import { type Attempt, attempt, type AttemptResult } from './attempt.ts'
import { tunnelConnect } from './connect-tunnel.ts'
import type { Forward, Judgement } from './evaluator.ts'
import type { LaneRequest } from './lane-context.ts'
import type { FirstTry } from './first-try.ts'
import { answerFailure, type Failure, headContext, settleEnding } from './local-answer.ts'
import { mirrorRequest } from './mirror.ts'
import { placeOf } from './original-place.ts'
import { createRequestBody, type RequestBody } from './request-body.ts'
import { dropHopHeaders, readAnswerHeaders, writeHead } from './response-head.ts'
import { backOff, retriesAnswer, retriesReset, toldBackOff } from './retry-policy.ts'
import type { Headers } from '../../compiler/http/request.ts'
import { tunnel } from './tunnel.ts'
import { IDLE, IDLE_REQUEST, NO_HEALTHY_UPSTREAM, PER_TRY_TIMEOUT, TIMEOUT, upstreamFailure } from './upstream-failure.ts'
import type { UpstreamPlace } from './upstream-pool.ts'
import { upstreamHeaders } from './upstream-headers.ts'
import { forwardToWaypoint } from './waypoint.ts'

/** stands for no failure: nobody is there to be told */
const GONE: Failure = { status: 499, body: '', details: 'downstream_remote_disconnect' }

type Forwarding = Extract<Judgement, { kind: 'forward' }>

type Tried = AttemptResult | { readonly kind: 'expired'; readonly failure: Failure }

/** Where one try goes. */
interface Goal {
  readonly place: UpstreamPlace
  readonly endpoint: Endpoint | undefined
}

export async function routeRequest(request: LaneRequest, forward: Forwarding): Promise<void> {
  const { lane, evaluator, fed } = request
  const { exchange } = forward
  const action = exchange.route.action as ForwardAction
  const name = exchange.cluster ?? ''
  const cluster = evaluator.cluster(name, chosenCriteria(exchange))
  if (cluster === undefined || cluster.target.kind === 'refuse' || evaluator.settings(name).http2) {
    if (lane.waypoint !== undefined) return forwardToWaypoint(request)
    return answerFailure(request, exchange, NO_HEALTHY_UPSTREAM)
  }
  const settings = evaluator.settings(name)
  const load = loadOf(request, `${action.priority} ${name}`)
  const limits = settings.limits[action.priority]
  // one that the kernel has sent has its place
  if (request.first === undefined && load.requests >= limits.requests)
    return answerFailure(request, exchange, upstreamFailure('overflow', 1))
  const body = isBodiless(request)
    ? undefined
    : createRequestBody(fed.request, forward.retry === undefined && forward.decision.detail.mirrors.length === 0 ? 'pass' : 'keep')
  if (request.first === undefined) lane.statistics.count('forwarded')
  load.requests++
  const tries = new Tries(request, forward, action, { body, load, retries: limits.retries, connecting: settings })
  try {
    await tries.run()
  } finally {
    load.requests--
    tries.end()
  }
}

function isBodiless({ head }: LaneRequest): boolean {
  return head.body.kind === 'none' || head.method === 'CONNECT'
}

interface Means {
  readonly body: RequestBody | undefined
  readonly load: { requests: number; retries: number }
  readonly retries: number
  readonly connecting: { readonly connectTimeout: number; readonly idle: number }
}

class Tries {
  private readonly request: LaneRequest
  private readonly forward: Forwarding
  private readonly action: ForwardAction
  private readonly means: Means
  private readonly timers = new Set<NodeJS.Timeout>()
  /** places that were tried */
  private readonly met: string[] = []
  private readonly began: number
  private current: Attempt | undefined
  private count = 0
  private over: ((failure: Failure) => void) | undefined
  private timedOut: Failure | undefined
  /** when the whole request was there; 0: not yet */
  private asked = 0

  constructor(request: LaneRequest, forward: Forwarding, action: ForwardAction, means: Means) {
    this.request = request
    this.forward = forward
    this.action = action
    this.means = means
    this.began = request.first?.began ?? Date.now()
  }

  async run(): Promise<void> {
    const { request, forward, means } = this
    this.whenAsked(() => {
      this.asked = request.first?.began ?? Date.now()
    })
    if (forward.timeouts.whole > 0)
      this.whenAsked(() => this.timer(forward.timeouts.whole - (Date.now() - this.asked), () => this.expire(TIMEOUT)))
    this.watchIdle(this.action.timeouts.idle ?? request.service.settings.streamIdle)
    const gone = (): void => {
      this.current?.abort()
      this.over?.(GONE)
    }
    request.signal.addEventListener('abort', gone, { once: true })
    let left = forward.retry?.retries ?? 0
    try {
      for (;;) {
        const first = this.count === 0 ? request.first : undefined
        const goal = first === undefined ? this.goal() : this.metFirst(first.endpoint)
        if (goal === undefined) return await answerFailure(request, forward.exchange, NO_HEALTHY_UPSTREAM)
        if (request.head.method === 'CONNECT' && endsHere(this.action))
          return await tunnelConnect(request, forward.exchange, goal.place, means.connecting)
        this.count++
        if (this.count === 1) mirrorRequest(request, forward, means.body)
        const result = await (first === undefined ? this.try(goal) : this.await(first.attempt, undefined, Date.now() - first.began))
        if (request.signal.aborted) return this.current?.abort()
        if (result.kind === 'expired') return await this.fail(result.failure)
        const again = left > 0 && this.wouldRetry(result) && (means.body === undefined || means.body.kept)
        if (again && means.load.retries < means.retries) {
          left--
          request.lane.statistics.count('retries')
          this.current?.abort()
          means.load.retries++
          const policy = forward.retry as NonNullable<Forward['retry']>
          const told = result.kind === 'answer' ? toldBackOff(policy, readAnswerHeaders(result.answer.rawHeaders), Math.random) : undefined
          const waited = await this.pause(told ?? backOff(policy, this.count, Math.random))
          means.load.retries--
          if (request.signal.aborted) return
          if (waited !== undefined) return await this.fail(waited)
          continue
        }
        return await this.finish(result)
      }
    } finally {
      request.signal.removeEventListener('abort', gone)
    }
  }

  end(): void {
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
  }

  private goal(): Goal | undefined {
    const { lane, connection, evaluator } = this.request
    const { exchange } = this.forward
    const cluster = evaluator.cluster(exchange.cluster ?? '', chosenCriteria(exchange))
    if (cluster?.target.kind === 'original_dst')
      return { place: { ...placeOf(connection.asked), netns: connection.netns }, endpoint: undefined }
    if (cluster?.target.kind !== 'balance') return undefined
    const hash = hashRequest(this.action.hash, exchange.request)
    const others = this.forward.retry?.policy?.otherHosts ?? 0
    let endpoint = lane.picker.pick(cluster.target.balance, hash)
    for (let more = 0; more < others && endpoint !== undefined && this.met.includes(placeOfEndpoint(endpoint)); more++)
      endpoint = lane.picker.pick(cluster.target.balance, this.met.length === 0 ? hash : undefined)
    if (endpoint === undefined) return undefined
    this.met.push(placeOfEndpoint(endpoint))
    return { place: { address: addressText(endpoint.address), port: endpoint.port, netns: connection.netns }, endpoint }
  }

  private metFirst({ address, port }: FirstTry['endpoint']): Goal {
    this.met.push(`${address} ${port}`)
    return { place: { address, port, netns: this.request.connection.netns }, endpoint: undefined }
  }

  private try({ place, endpoint }: Goal): Promise<Tried> {
    const { request, forward, means } = this
    const { lane } = request
    const headers = upstreamHeaders(request, forward, this.action, {
      count: this.count,
      elapsed: this.asked === 0 ? 0 : Date.now() - this.asked,
    })
    if (endpoint !== undefined) lane.picker.begin(endpoint)
    const current = attempt({
      method: request.head.method,
      ...headers,
      body: means.body,
      place,
      connecting: means.connecting,
      agent: lane.agent,
      ...(request.service.settings.passContinue && { onContinue: () => request.fed.response.writeContinue() }),
    })
    return this.await(current, endpoint, 0)
  }

  /** `passed`: milliseconds that the try has had already */
  private async await(current: Attempt, endpoint: Endpoint | undefined, passed: number): Promise<Tried> {
    const { request, forward } = this
    const { lane } = request
    this.current = current
    const expired = new Promise<{ readonly kind: 'expired'; readonly failure: Failure }>((resolve) => {
      this.over = (failure) => resolve({ kind: 'expired', failure })
      if (this.timedOut !== undefined) resolve({ kind: 'expired', failure: this.timedOut })
    })
    const tryTimes = [forward.timeouts.perTry, forward.retry?.policy?.perTryIdleTimeout ?? 0].filter((time) => time > 0)
    const late = new Promise<AttemptResult>((resolve) => {
      if (tryTimes.length === 0) return
      const give = (): void => resolve({ kind: 'failed', reset: 'per_try_timeout', code: '', sent: 'something' })
      this.whenAsked(() => this.current === current && this.timer(Math.min(...tryTimes) - passed, give))
    })
    const result = await Promise.race([current.result, expired, late])
    this.over = undefined
    // the kernel counts the shorter one of both times
    if (request.first?.isLate === true && this.count === 1 && !this.endsTries()) return { kind: 'expired', failure: TIMEOUT }
    if (result.kind === 'expired' || (result.kind === 'failed' && result.reset === 'per_try_timeout')) current.abort()
    if (endpoint !== undefined) {
      const done = (): void => lane.picker.end(endpoint)
      if (result.kind === 'answer') result.answer.once('close', done)
      else done()
    }
    return result
  }

  /** a try ends before the whole request does */
  private endsTries(): boolean {
    const { whole, perTry } = this.forward.timeouts
    return perTry > 0 && (whole === 0 || perTry < whole)
  }

  private wouldRetry(result: AttemptResult): boolean {
    const { retry } = this.forward
    if (retry === undefined) return false
    if (result.kind === 'failed') return retriesReset(retry, result.reset, result.sent)
    if (result.kind !== 'answer') return false
    return retriesAnswer(retry, result.answer.statusCode ?? 0, readAnswerHeaders(result.answer.rawHeaders))
  }

  private async finish(result: AttemptResult): Promise<void> {
    const { request } = this
    switch (result.kind) {
      case 'failed':
        request.lane.statistics.count('upstream_failures')
        return this.fail(result.reset === 'per_try_timeout' ? PER_TRY_TIMEOUT : upstreamFailure(result.reset, this.count))
      case 'switched':
        return tunnel(request, result, this.answerHeaders(result.answer))
      case 'answer':
        return this.pass(result.answer)
    }
  }

  private fail(failure: Failure): Promise<void> {
    if (failure.status === 504) this.request.lane.statistics.count('timeouts')
    this.current?.abort()
    return answerFailure(this.request, this.forward.exchange, failure)
  }

  /** The answer's headers with everything that the route and the proxy do to them. */
  private answerHeaders(answer: IncomingMessage): Headers {
    const { request, forward } = this
    const { exchange } = forward
    const headers = readAnswerHeaders(answer.rawHeaders)
    if (answer.statusCode !== 101) dropHopHeaders(headers)
    if (!request.service.settings.quiet && request.connection.reader.bodyEnded && request.upgrade === undefined)
      headers.set('x-envoy-upstream-service-time', String(Date.now() - this.began))
    if (exchange.virtualHost.includeAttemptCountInResponse) headers.set('x-envoy-attempt-count', String(this.count))
    mutateResponse(exchange, headers, {
      path: exchange.upstream.path,
      responseCode: answer.statusCode ?? 0,
      details: 'via_upstream',
      virtualCluster: virtualClusterOf(exchange.virtualHost.virtualClusters, exchange.request),
    })
    for (const [name, value] of forward.added) headers.set(name, value)
    return headers
  }

  private async pass(answer: IncomingMessage): Promise<void> {
    const { request } = this
    const { response } = request.fed
    const headers = this.answerHeaders(answer)
    request.begun = true
    writeHead(response, answer.statusCode ?? 502, headers, { kind: 'stream' }, settleEnding(request), headContext(request))
    await passBody(answer, request, (expire) => {
      this.over = expire
    })
  }

  /** Time is up when neither side has moved a byte for so long; 0: never. */
  private watchIdle(time: number): void {
    if (time <= 0) return
    const { socket, reader } = this.request.connection
    const moved = (): number => socket.bytesRead + socket.bytesWritten
    const watch = (before: number): void => {
      this.timer(time, () => {
        const now = moved()
        if (now !== before) watch(now)
        else this.expire(reader.bodyEnded ? IDLE : IDLE_REQUEST)
      })
    }
    watch(moved())
  }

  private expire(failure: Failure): void {
    this.timedOut = failure
    this.over?.(failure)
  }

  /** Timeouts of the whole and of a try run from the moment when the whole request is there. */
  private whenAsked(then: () => void): void {
    const { body } = this.means
    if (this.request.first !== undefined || body === undefined || body.ended) then()
    else body.whole.then(then, () => undefined)
  }

  private timer(time: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      then()
    }, time)
    this.timers.add(timer)
  }

  /** undefined: waited; else what ended it sooner */
  private pause(time: number): Promise<Failure | undefined> {
    if (this.timedOut !== undefined) return Promise.resolve(this.timedOut)
    return new Promise((resolve) => {
      this.over = resolve
      this.timer(time, () => resolve(undefined))
    })
  }
}

function placeOfEndpoint({ address, port }: Endpoint): string {
  return `${addressText(address)} ${port}`
}

function loadOf({ lane }: LaneRequest, key: string): { requests: number; retries: number } {
  let held = lane.load.get(key)
  if (held === undefined) {
    held = { requests: 0, retries: 0 }
    lane.load.set(key, held)
  }
  return held
}

/** The answer's body, with back pressure. `onExpiry` is given what to call when time is up. */
export function passBody(answer: IncomingMessage, request: LaneRequest, onExpiry: (expire: () => void) => void): Promise<void> {
  const { response } = request.fed
  const isFramed = response.chunkedEncoding || answer.headers['content-length'] !== undefined
  return new Promise((resolve) => {
    let isOver = false
    const cutOff = (): void => {
      if (isOver) return
      isOver = true
      request.lane.statistics.count('cut_off')
      answer.destroy()
      request.ending = 'close'
      // an end of the connection must not look like the end of the answer
      if (!isFramed) request.connection.reset()
      resolve()
    }
    onExpiry(cutOff)
    answer.on('data', (chunk: Buffer) => {
      if (!response.write(chunk)) {
        answer.pause()
        response.once('drain', () => answer.resume())
      }
    })
    answer.once('end', () => {
      if (!answer.complete) return cutOff()
      isOver = true
      response.end(() => resolve())
    })
    answer.once('error', cutOff)
    answer.once('aborted', cutOff)
    request.signal.addEventListener('abort', cutOff, { once: true })
    response.once('close', () => {
      isOver = true
      if (!response.writableFinished) answer.destroy()
      resolve()
    })
  })
}
