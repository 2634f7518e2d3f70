/**
 * One HTTP request as routing sees it, and its headers as Envoy keeps them. In: what a client sends; out: reads that matchers and actions share.
 * Invariant: header names are lower-case; order and repetition are kept, except that Envoy's inline
 * headers stand once, their values joined.
 * Source: Envoy's http/header_map.h (inline headers) and header_map_impl.cc; repeated headers were tried on a real Envoy.
 */
import { lowerCase } from '../match/string-match.ts'
import type { Draw } from '../match/draw.ts'
import { isInlineHeader } from './inline-headers.ts'
import type { LocalReplies } from './model.ts'
import type { ProxyStatus } from './proxy-status.ts'
import { parseQuery } from './query-text.ts'
import { NO_SURROUNDINGS, type Surroundings } from './surroundings.ts'

export type HeaderPair = readonly [name: string, value: string]

/** What a line of a batch says, before a connection manager looks at it. */
export interface RequestLine {
  readonly method: string
  /** may be empty */
  readonly authority: string
  /** with query */
  readonly path: string
  readonly headers: readonly HeaderPair[]
  /** of the connection; `http` when absent */
  readonly scheme?: string
  /** ip or ip:port of the client */
  readonly source?: string
  /** ip:port that was dialled */
  readonly destination?: string
  /** stands for Envoy's random number wherever it draws one; 0.5 when absent */
  readonly random?: Draw
}

/** Which headers are inline differs. */
export type MessageKind = 'request' | 'response'

/** Request or response headers. Pseudo headers are not in it: they are fields of the request. */
export class Headers {
  private pairs: HeaderPair[] = []
  private readonly of: MessageKind

  constructor(of: MessageKind) {
    this.of = of
  }

  static of(kind: MessageKind, pairs: readonly HeaderPair[]): Headers {
    const headers = new Headers(kind)
    for (const [name, value] of pairs) headers.add(name, value)
    return headers
  }

  get all(): readonly HeaderPair[] {
    return this.pairs
  }

  /** first value of a header */
  get(name: string): string | undefined {
    for (const pair of this.pairs) if (pair[0] === name) return pair[1]
    return undefined
  }

  /** every value; one for an inline header */
  values(name: string): readonly string[] {
    const found: string[] = []
    for (const pair of this.pairs) if (pair[0] === name) found.push(pair[1])
    return found
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /** adds a value behind others of that name; an inline header joins them with a comma */
  add(name: string, value: string): void {
    const key = lowerCase(name)
    if (isInlineHeader(this.of, key)) {
      const at = this.pairs.findIndex((pair) => pair[0] === key)
      const held = this.pairs[at]
      if (held !== undefined) {
        this.pairs[at] = [key, held[1] === '' ? value : value === '' ? held[1] : `${held[1]},${value}`]
        return
      }
    }
    this.pairs.push([key, value])
  }

  /** one value in place of all of that name */
  set(name: string, value: string): void {
    const key = lowerCase(name)
    this.remove(key)
    this.pairs.push([key, value])
  }

  remove(name: string): void {
    const key = lowerCase(name)
    if (this.has(key)) this.pairs = this.pairs.filter((pair) => pair[0] !== key)
  }

  copy(): Headers {
    const made = new Headers(this.of)
    made.pairs = [...this.pairs]
    return made
  }
}

const NONE: readonly string[] = []

/** Spaces and tabs around a value are no part of it (RFC 9110, 5.5). */
export function trim(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isSpace(value.charCodeAt(start))) start++
  while (end > start && isSpace(value.charCodeAt(end - 1))) end--
  return start === 0 && end === value.length ? value : value.slice(start, end)
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9
}

/** What the connection manager says of the router and of its own answers. */
export interface Front {
  readonly replies: LocalReplies | undefined
  /** the router tells nobody what it did: no x-envoy-* headers of its own (suppress_envoy_headers) */
  readonly quiet: boolean
  /** headers for the router that must be as they are documented (strict_check_headers) */
  readonly strict: readonly string[]
  readonly around: Surroundings
  /** undefined: the connection manager does not write proxy-status */
  readonly proxyStatus: ProxyStatus | undefined
}

export const NO_FRONT: Front = { replies: undefined, quiet: false, strict: [], around: NO_SURROUNDINGS, proxyStatus: undefined }

/** The request behind the connection manager: what matchers see. Actions work on a copy of its headers. */
export class HttpRequest {
  readonly method: string
  readonly authority: string
  readonly path: string
  readonly scheme: string
  readonly headers: Headers
  /** who is connected */
  readonly source: string | undefined
  /** who the client is: the last one of x-forwarded-for where that is believed */
  readonly remote: string | undefined
  readonly destination: string | undefined
  readonly random: Draw
  /** the connection is TLS */
  readonly tls: boolean
  readonly front: Front
  /** there is no Host; an empty one is one */
  readonly hostless: boolean
  /** status that the client has been sent: 100 where it waited for that */
  readonly codeSoFar: 0 | 100
  private queryStart: number
  private lowerPath: string | undefined
  private parameters: ReadonlyMap<string, string> | undefined

  constructor(of: Required<Pick<RequestLine, 'method' | 'authority' | 'path' | 'scheme'>> & RequestOrigin, headers: Headers) {
    this.method = of.method
    this.authority = of.authority
    this.path = of.path
    this.scheme = of.scheme
    this.headers = headers
    this.source = of.source
    this.remote = of.remote ?? of.source
    this.destination = of.destination
    this.random = of.random
    this.tls = of.tls
    this.front = of.front ?? NO_FRONT
    this.hostless = of.hostless ?? false
    this.codeSoFar = of.codeSoFar ?? 0
    this.queryStart = pathEnd(of.path)
  }

  /** as it is before a connection manager has told its scheme */
  withoutScheme(): HttpRequest {
    const { method, authority, path, source, remote, destination, random, tls, front, hostless, codeSoFar } = this
    return new HttpRequest(
      { method, authority, path, scheme: '', source, remote, destination, random, tls, front, hostless, codeSoFar },
      this.headers,
    )
  }

  /** the codec did not read it to the end of its head */
  get isUnread(): boolean {
    return this.method === ''
  }

  /** path without query and fragment */
  get barePath(): string {
    return this.queryStart === this.path.length ? this.path : this.path.slice(0, this.queryStart)
  }

  get barePathLowerCase(): string {
    this.lowerPath ??= lowerCase(this.barePath)
    return this.lowerPath
  }

  /** query parameters, not percent-decoded; the first of a name; `?k` is the empty string */
  get query(): ReadonlyMap<string, string> {
    this.parameters ??= parseQuery(this.path)
    return this.parameters
  }

  /** values that a header matcher sees, pseudo headers included */
  headerValues(name: string): readonly string[] {
    if (name.charCodeAt(0) !== 58) return name === 'host' && !this.hostless ? [this.authority] : this.headers.values(name)
    const value = this.pseudo(name)
    return value === undefined ? NONE : [value]
  }

  pseudo(name: string): string | undefined {
    if (this.isUnread) return undefined
    switch (name) {
      case ':method':
        return this.method
      case ':path':
        return this.method === 'CONNECT' ? undefined : this.path
      case ':authority':
        return this.hostless ? undefined : this.authority
      case ':scheme':
        return this.scheme === '' ? undefined : this.scheme
      default:
        return undefined
    }
  }
}

interface RequestOrigin {
  readonly source: string | undefined
  readonly remote?: string | undefined
  readonly destination: string | undefined
  readonly random: Draw
  readonly tls: boolean
  readonly front?: Front
  readonly hostless?: boolean
  readonly codeSoFar?: 0 | 100
}

/** where the path ends and query or fragment start */
export function pathEnd(path: string): number {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i)
    if (code === 63 || code === 35) return i
  }
  return path.length
}
