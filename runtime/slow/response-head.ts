/**
 * The head of an answer as the client gets it. In: a status and the headers so far. Out: a flat list for node:http: date and server, the hop headers that are
 * ours to write, the framing of the body. Invariant: names are in lower case; content-length and transfer-encoding exclude each other.
 * Source: Envoy's http/conn_manager_impl.cc (encodeHeaders), conn_manager_utility.cc (mutateResponseHeaders), http1/codec_impl.cc; tried on Envoy 1.40.
 */
import type { ServerResponse } from 'node:http'
import { bytesOf, textOf } from '../../compiler/match/byte-text.ts'
import { Headers, trim } from '../../compiler/http/request.ts'
import type { ManagerSettings } from './manager-settings.ts'
import { statusText } from './status-text.ts'

export interface HeadContext {
  readonly settings: ManagerSettings
  readonly via: string
  readonly version: '1.0' | '1.1'
  readonly requestId: string | undefined
}

/** Headers that speak of the upstream's own connection. */
const HOP = ['connection', 'upgrade', 'transfer-encoding', 'keep-alive', 'proxy-connection']

/** as they came from an upstream: name, value, name, value */
export function readAnswerHeaders(raw: readonly string[]): Headers {
  const headers = new Headers('response')
  for (let at = 0; at + 1 < raw.length; at += 2) headers.add((raw[at] as string).toLowerCase(), textOf(trim(raw[at + 1] as string)))
  return headers
}

export function dropHopHeaders(headers: Headers): void {
  for (const name of HOP) headers.remove(name)
}

export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  /** content-length is among the headers, or the answer has no body */
  | { readonly kind: 'given' }
  | { readonly kind: 'stream' }

/** Writes the head. `ending`: the connection ends behind this answer. */
export function writeHead(
  response: ServerResponse,
  status: number,
  headers: Headers,
  framing: Framing,
  ending: 'close' | 'keep',
  context: HeadContext,
): void {
  const { settings, via, requestId, version } = context
  if (!headers.has('date')) headers.set('date', new Date().toUTCString())
  if (settings.serverHeader === 'overwrite' || (settings.serverHeader === 'if_absent' && !headers.has('server')))
    headers.set('server', settings.serverName)
  if (via !== '') headers.set('via', [headers.get('via') ?? '', via].filter((one) => one !== '').join(', '))
  if (settings.requestIdInAnswer && requestId !== undefined) headers.set('x-request-id', requestId)
  const bare = status === 204 || status === 304 || status < 200
  if (status === 204 || status < 200) headers.remove('content-length')
  if (framing.kind === 'length') headers.set('content-length', String(framing.length))
  const chunked = framing.kind === 'stream' && !headers.has('content-length') && !bare && version === '1.1'
  if (chunked) headers.set('transfer-encoding', 'chunked')
  else headers.remove('trailer')
  if (ending === 'close') headers.set('connection', 'close')
  else if (version === '1.0') headers.set('connection', 'keep-alive')
  response.sendDate = false
  response.removeHeader('connection')
  if (!chunked) response.removeHeader('transfer-encoding')
  response.writeHead(status, statusText(status), flat(headers) as string[])
}

export function flat(headers: Headers): readonly string[] {
  return headers.all.flatMap(([name, value]) => [name, trim(bytesOf(value))])
}
