/**
 * A guarded head as the line that the interpreter judges. In: the head, the connection, the settings of its connection manager. Out: a RequestLine, or the status
 * that Envoy answers before it routes. Texts are Unicode from here on.
 * Source: Envoy's http1/codec_impl.cc (handlePath: absolute URLs replace Host), http/conn_manager_impl.cc (decodeHeaders); tried on Envoy 1.40.
 */
import { randomUUID } from 'node:crypto'
import type { Draw } from '../../compiler/match/draw.ts'
import type { RequestLine } from '../../compiler/http/request.ts'
import { textOf } from '../../compiler/match/byte-text.ts'
import type { Service } from './evaluator.ts'
import type { GuardedHead } from './head-guard.ts'

export type ReadRequest =
  | { readonly kind: 'line'; readonly line: RequestLine; readonly requestId: string | undefined; readonly expects: 'continue' | 'nothing' }
  | { readonly kind: 'refused'; readonly status: number; readonly body: string }

const ABSOLUTE = /^(https?):\/\/(?:[^/?#@]*@)?([^/?#@]+)([/?#].*)?$/i
/** what Envoy takes as an authority: the characters of RFC 3986 and no others */
const AUTHORITY = /^[A-Za-z0-9\-._~!$&'()*+,;=:@%[\]]*$/
const HOST_PORT = /^(?:\[[0-9A-Fa-f:.]+\]|[^:/@]+):\d{1,5}$/

export function readRequest(
  head: GuardedHead,
  { settings, manager }: Service,
  at: { readonly client: string; readonly asked: string },
  random: Draw,
): ReadRequest {
  if (head.version === '1.0' && !settings.http10) return { kind: 'refused', status: 426, body: 'Upgrade Required' }
  if (!isTarget(head, settings.absoluteUrls)) return { kind: 'refused', status: 400, body: 'Bad Request' }
  let pairs = head.headers
  if (settings.underscores !== 'allow' && pairs.some(([name]) => name.includes('_'))) {
    if (settings.underscores === 'reject') return { kind: 'refused', status: 400, body: '' }
    pairs = pairs.filter(([name]) => !name.includes('_'))
  }
  const isConnect = head.method === 'CONNECT'
  const [, , host, rest] = isConnect || !settings.absoluteUrls ? [] : (ABSOLUTE.exec(head.target) ?? [])
  const given = isConnect ? head.target : host
  let hosts = pairs.filter(([name]) => name === 'host').map(([, value]) => value)
  if (given === undefined && hosts.length === 0) {
    if (head.version === '1.1' || settings.defaultHost === '')
      return { kind: 'refused', status: head.version === '1.1' ? 400 : 404, body: '' }
    hosts = [settings.defaultHost]
  }
  const authority = given ?? hosts.filter((one) => one !== '').join(',')
  if (!AUTHORITY.test(authority)) return { kind: 'refused', status: 400, body: '' }
  const path = isConnect ? '' : host === undefined ? head.target : (rest ?? '/')
  const waits = pairs.some(([name, value]) => name === 'expect' && value.toLowerCase() === '100-continue') && !settings.passContinue
  const headers = pairs.flatMap(([name, value]) =>
    name === 'host' || (waits && name === 'expect') ? [] : [[name, textOf(value)] as const],
  )
  const requestId = idOf(headers, settings.requestId === 'generate', manager.useRemoteAddress && !settings.preserveRequestId)
  return {
    kind: 'line',
    expects: waits ? 'continue' : 'nothing',
    requestId,
    line: {
      method: head.method,
      authority: textOf(authority),
      path: textOf(path),
      headers: settings.requestId === 'generate' && requestId !== undefined ? withId(headers, requestId) : headers,
      scheme: 'http',
      source: at.client,
      destination: at.asked,
      random,
    },
  }
}

/** The codec takes a path, an absolute http URL, "*" of OPTIONS, and host:port of CONNECT. */
function isTarget({ method, target }: GuardedHead, absoluteUrls: boolean): boolean {
  if (method === 'CONNECT') return HOST_PORT.test(target)
  return target.startsWith('/') || (method === 'OPTIONS' && target === '*') || !absoluteUrls || ABSOLUTE.test(target)
}

type Pairs = readonly (readonly [name: string, value: string])[]

/** At the edge an id of the client's own does not count. */
function idOf(headers: Pairs, generates: boolean, edge: boolean): string | undefined {
  const own = headers.find(([name]) => name === 'x-request-id')?.[1]
  return generates && (own === undefined || own === '' || edge) ? randomUUID() : own
}

function withId(headers: Pairs, id: string): Pairs {
  return [...headers.filter(([name]) => name !== 'x-request-id'), ['x-request-id', id]]
}
