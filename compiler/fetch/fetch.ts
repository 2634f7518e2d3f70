/**
 * Asks a control plane for everything that one node gets. In: server, node and dialect; out: the resources, what never came and what was refused.
 * Invariant: ends. Waiting is bounded for each kind, attempts are bounded since the last one that brought something, and a server that repeats what
 * was refused is answered ever more slowly.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Collection, type Missing } from './collection.ts'
import type { Dialect, Received, Session } from './dialect.ts'
import { type Failure, failureOf, type StreamEnd } from './failure.ts'
import { type Judge, type Refused, refusalText } from './judge.ts'
import { type FetchKind, KINDS } from './kinds.ts'
import { encodeRequest, envoyMessages, type Node } from './messages.ts'
import { openStream, type Stream, type Target } from './stream.ts'
import type { UnknownField } from '../input/wire-json.ts'

export interface FetchOptions {
  readonly target: Target
  readonly node: Node
  readonly dialect: Dialect
  readonly judge: Judge
  /** how long an answer is awaited, counted from the last one that brought something */
  readonly timeoutMs: number
  /** further attempts after one that brought nothing */
  readonly retries: number
  readonly progress?: (collection: Collection) => void
}

export interface Fetched {
  readonly collection: Collection
  /** by kind; empty when everything that is held now was accepted */
  readonly refused: ReadonlyMap<FetchKind, readonly Refused[]>
  readonly unknown: readonly (UnknownField & { readonly resource: string })[]
  readonly missing: readonly Missing[]
  readonly versions: ReadonlyMap<string, string>
  readonly responses: number
  readonly streams: number
  /** why it ended early */
  readonly failure: Failure | undefined
}

const BACKOFF_MS = 200
const BACKOFF_MOST_MS = 5000
/** A control plane that changes all the time brings something new all the time. */
const LONGEST_TIMEOUTS = 20

export async function fetchResources(options: FetchOptions): Promise<Fetched> {
  // made before any time is taken
  envoyMessages()
  const conversation = new Conversation(options)
  const failure = await conversation.run()
  return conversation.result(failure)
}

class Conversation {
  private readonly options: FetchOptions
  private readonly collection = new Collection()
  private readonly accepted = new Map<string, string>()
  private readonly versions = new Map<string, string>()
  private readonly refused = new Map<FetchKind, Map<string, Refused>>()
  private readonly unknown = new Map<string, UnknownField & { readonly resource: string }>()
  /** what was refused last, so that its repetition is noticed */
  private readonly refusals = new Map<FetchKind, { readonly reason: string; readonly times: number }>()
  private readonly began = performance.now()
  private responses = 0
  private streams = 0
  private brought = 0

  constructor(options: FetchOptions) {
    this.options = options
  }

  async run(): Promise<Failure | undefined> {
    let attempts = 0
    for (;;) {
      const before = this.brought
      const failure = await this.stream()
      if (failure === undefined || failure.again === 'give up') return failure
      attempts = this.brought > before ? 0 : attempts + 1
      if (attempts > this.options.retries || this.overdue()) return failure
      await sleep(backoff(attempts))
    }
  }

  result(failure: Failure | undefined): Fetched {
    const { collection } = this
    return {
      collection,
      refused: new Map([...this.refused].filter(([, list]) => list.size > 0).map(([kind, list]) => [kind, [...list.values()]])),
      unknown: [...this.unknown.values()],
      missing: collection.missing().filter(({ kind, name }) => !this.isRefused(kind, name)),
      versions: this.versions,
      responses: this.responses,
      streams: this.streams,
      failure,
    }
  }

  /** One stream, until everything is there (undefined) or it fails. */
  private stream(): Promise<Failure | undefined> {
    const { target, dialect, node, timeoutMs } = this.options
    const session = dialect.open(this.collection, node, this.accepted)
    const answersBefore = this.responses
    return new Promise((resolve) => {
      let stream: Stream | undefined
      let timer: NodeJS.Timeout | undefined
      let over: 'no' | 'yes' = 'no'
      const late: NodeJS.Timeout[] = []
      const finish = (failure: Failure | undefined): void => {
        if (over === 'yes') return
        over = 'yes'
        clearTimeout(timer)
        for (const one of late) clearTimeout(one)
        if (stream === undefined) resolve(failure)
        else void stream.close().then(() => resolve(failure))
      }
      const wait = (): void => {
        clearTimeout(timer)
        timer = setTimeout(expire, timeoutMs)
      }
      const send = (requests: readonly object[]): void => {
        for (const request of requests) if (over === 'no') stream?.send(encodeRequest(dialect.request, request as never))
      }
      const proceed = (): void => {
        send(session.sync())
        this.options.progress?.(this.collection)
        if (this.collection.complete) finish(undefined)
      }
      const expire = (): void => {
        if (stream?.connected() !== true) return finish(this.silent(`no connection to ${target.server}`))
        this.collection.giveUp()
        if (this.overdue()) while (!this.collection.complete) this.collection.giveUp()
        if (this.collection.complete && this.responses === 0) return finish(this.silent(`${target.server} does not answer`))
        wait()
        proceed()
      }
      const response = (bytes: Buffer): void => {
        if (over === 'yes') return
        this.responses++
        const received = this.read(session, bytes)
        if (received === undefined) return
        if (received instanceof Error) return finish(unreadable(target.server, received))
        const { answer, delayMs, progress } = this.take(session, received)
        if (delayMs === 0) send([answer])
        else late.push(setTimeout(() => send([answer]), delayMs))
        if (progress > 0) wait()
        this.brought += progress
        proceed()
      }
      const end = (status: StreamEnd): void => {
        const reached = this.responses > answersBefore ? 'answered' : stream?.connected() === true ? 'connected' : 'never'
        finish(failureOf(status, { server: target.server, security: target.tls === undefined ? 'plaintext' : 'tls', reached }))
      }
      this.streams++
      wait()
      try {
        stream = openStream(target, dialect.method, { response, end })
      } catch (error) {
        return finish({ code: 'KM1851', message: `the certificates cannot be used: ${(error as Error).message}`, again: 'give up' })
      }
      proceed()
    })
  }

  private read(session: Session, bytes: Buffer): Received | undefined | Error {
    try {
      return session.read(bytes)
    } catch (error) {
      return error as Error
    }
  }

  /** What is good is taken even where something beside it is refused, as Envoy takes clusters and listeners. */
  private take(session: Session, received: Received): { readonly answer: object; readonly delayMs: number; readonly progress: number } {
    const { entry, arrivals, removed, extent, version } = received
    const refused: Refused[] = []
    const verdicts = arrivals.map((arrival) => this.options.judge(entry, arrival))
    const seen = new Set<string>()
    const good = verdicts.flatMap((verdict) => {
      if (verdict.kind === 'refused') {
        refused.push(verdict)
        return []
      }
      const { key } = verdict.held
      if (seen.has(key)) {
        const message = `${entry.kind}[${JSON.stringify(key)}] comes twice in one response`
        refused.push({ key, findings: [{ code: 'KM1858', severity: 'error', message, path: `${entry.kind}[${JSON.stringify(key)}]` }] })
        return []
      }
      seen.add(key)
      for (const field of verdict.unknown) this.unknown.set(`${field.resource}\0${field.path}\0${field.number}`, field)
      return [verdict.held]
    })
    this.versions.set(entry.kind, version)
    this.remember(entry.kind, extent, refused, [...seen, ...removed])
    // a refused resource is an answer: there is nothing to wait for
    const progress = this.collection.accept(entry.kind, {
      extent,
      resources: good,
      removed: [...removed, ...refused.map(({ key }) => key)],
    })
    if (refused.length === 0) {
      this.refusals.delete(entry.kind)
      return { answer: session.accept(received), delayMs: 0, progress }
    }
    const reason = refusalText(refused)
    const last = this.refusals.get(entry.kind)
    const times = last?.reason === reason ? last.times + 1 : 0
    this.refusals.set(entry.kind, { reason, times })
    return { answer: session.refuse(received, reason), delayMs: times === 0 ? 0 : backoff(times), progress }
  }

  private remember(kind: FetchKind, extent: Received['extent'], refused: readonly Refused[], settled: readonly string[]): void {
    const list = (extent === 'part' ? this.refused.get(kind) : undefined) ?? new Map<string, Refused>()
    for (const key of settled) list.delete(key)
    for (const one of refused) list.set(one.key, one)
    this.refused.set(kind, list)
  }

  private isRefused(kind: FetchKind, name: string): boolean {
    return this.refused.get(kind)?.has(name) === true
  }

  private silent(what: string): Failure {
    return { code: 'KM1853', message: `${what} within ${this.options.timeoutMs / 1000} s`, again: 'give up' }
  }

  private overdue(): boolean {
    return performance.now() - this.began > this.options.timeoutMs * LONGEST_TIMEOUTS
  }
}

function unreadable(server: string, error: Error): Failure {
  return { code: 'KM1852', message: `${server} sends what is no discovery response: ${error.message}`, again: 'give up' }
}

function backoff(attempt: number): number {
  return Math.min(BACKOFF_MS * 2 ** Math.max(0, attempt - 1), BACKOFF_MOST_MS)
}

/** Resources by kind and name, the order of the snapshot. */
export function ordered(collection: Collection): readonly { readonly kind: FetchKind; readonly json: object }[] {
  return KINDS.flatMap(({ kind, key }) =>
    [...collection.held(kind)]
      .map(({ json }) => ({ kind, name: String(json[key] ?? ''), json }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
  )
}
