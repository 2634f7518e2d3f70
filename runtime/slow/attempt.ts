/**
 * One try at an upstream. In: where, the request's head and body. Out: the head of its answer, an upgraded connection, or how it failed.
 * Invariant: it settles once; after `abort` nothing more is sent, and its connection is not used again.
 */
import { type Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Reset } from './retry-policy.ts'
import type { RequestBody } from './request-body.ts'
import { ConnectFault, type ConnectOptions, type UpstreamPlace } from './upstream-pool.ts'

export type AttemptResult =
  | { readonly kind: 'answer'; readonly answer: IncomingMessage }
  | { readonly kind: 'switched'; readonly answer: IncomingMessage; readonly socket: Duplex; readonly head: Buffer }
  | { readonly kind: 'failed'; readonly reset: Reset; readonly code: string; readonly sent: 'nothing' | 'something' }

export interface Attempt {
  readonly result: Promise<AttemptResult>
  abort(): void
}

export interface AttemptRequest {
  readonly method: string
  /** one character a byte */
  readonly path: string
  /** Host first; one character a byte */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: RequestBody | undefined
  readonly place: UpstreamPlace
  readonly connecting: ConnectOptions
  readonly agent: Agent
  /** 100 Continue of the upstream is the client's business */
  readonly onContinue?: () => void
}

export function attempt(wanted: AttemptRequest): Attempt {
  let request: ClientRequest
  try {
    request = start(wanted)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'ERR_INVALID'
    return { result: Promise.resolve({ kind: 'failed', reset: 'protocol_error', code, sent: 'nothing' }), abort: () => undefined }
  }
  let detach = (): void => undefined
  const result = new Promise<AttemptResult>((resolve) => {
    request.on('response', (answer) => resolve({ kind: 'answer', answer }))
    const onSwitch = (answer: IncomingMessage, socket: Duplex, head: Buffer): void => resolve({ kind: 'switched', answer, socket, head })
    request.on('upgrade', onSwitch)
    request.on('connect', onSwitch)
    request.on('continue', () => wanted.onContinue?.())
    request.on('error', (error) => {
      detach()
      resolve(failureOf(error))
    })
    request.on('close', () => resolve({ kind: 'failed', reset: 'reset', code: 'closed', sent: 'something' }))
  })
  if (wanted.body === undefined) request.end()
  else detach = wanted.body.attach(request, 'counts')
  return {
    result,
    abort() {
      detach()
      request.destroy()
    },
  }
}

function start({ method, path, headers, place, connecting, agent }: AttemptRequest): ClientRequest {
  const options = { agent, method, path, setHost: false, insecureHTTPParser: false, maxHeaderSize: UPSTREAM_HEAD, place, connecting }
  // node:http joins several cookie headers of one name, but for those of a flat list, which it does not go over again
  if (headers.filter(([name]) => name === 'cookie').length > 1) {
    const kept = headers.some(([name]) => name === 'connection') ? [] : ['connection', 'keep-alive']
    const flat = httpRequest({ ...options, headers: [...headers.flat(), ...kept] })
    flat.maxHeadersCount = 0
    return flat
  }
  const request = httpRequest(options)
  request.maxHeadersCount = 0
  request.removeHeader('connection')
  request.removeHeader('transfer-encoding')
  const values = new Map<string, string[]>()
  for (const [name, value] of headers) {
    const held = values.get(name)
    if (held === undefined) values.set(name, [value])
    else held.push(value)
  }
  for (const [name, list] of values) request.setHeader(name, list.length === 1 ? (list[0] as string) : list)
  return request
}

/** bytes of an answer's head that are read; Envoy's default is 60 KiB */
const UPSTREAM_HEAD = 60 * 1024

function failureOf(error: Error): AttemptResult {
  if (error instanceof ConnectFault) return { kind: 'failed', reset: error.kind, code: error.code, sent: 'nothing' }
  const code = 'code' in error ? String(error.code) : ''
  return { kind: 'failed', reset: code.startsWith('HPE_') ? 'protocol_error' : 'reset', code, sent: 'something' }
}
