/**
 * Metrics over HTTP. In: where to listen, and how to read. Out: GET and HEAD of /metrics; everything else is refused. Invariants: nobody is waited for: a connection serves one request and has so many seconds in all, and when
 * there are too many, the one that came first goes; a reading serves everybody who asks within a second, so that asking often costs nothing.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { coded } from '../coded-error.ts'
import { CONTENT_TYPES, type Exposition, expositionText, negotiated } from './exposition.ts'
import type { Samples } from './samples.ts'

export interface ServedMetrics {
  /** where it listens: "127.0.0.1:9464" */
  readonly place: string
  /** the server has no connection any more */
  close(): Promise<void>
}

export interface ServerOptions {
  readonly host: string
  readonly port: number
  readonly read: () => Promise<Samples>
  /** milliseconds that a connection may have, for tests */
  readonly patience?: number
}

const PATIENCE = 10_000
const MOST_CONNECTIONS = 64
/** Milliseconds for which a reading is good. */
const FRESH = 1000
const HEAD_BYTES = 16_384

/** Throws KM9602. */
export async function serveMetrics({ host, port, read, patience = PATIENCE }: ServerOptions): Promise<ServedMetrics> {
  const latest = remembered(read)
  const server = createServer(
    { maxHeaderSize: HEAD_BYTES, headersTimeout: patience, requestTimeout: patience, keepAlive: false },
    (request, response) => void answer(request, response, latest),
  )
  const connections = new Set<Socket>()
  server.on('connection', (socket) => {
    connections.add(socket)
    const timer = setTimeout(() => socket.destroy(), patience)
    socket.once('close', () => {
      clearTimeout(timer)
      connections.delete(socket)
    })
    if (connections.size > MOST_CONNECTIONS) oldest(connections)?.destroy()
  })
  server.on('clientError', (_error, socket) => void socket.destroy())
  await listening(server, host, port)
  const { address, family, port: own } = server.address() as AddressInfo
  return {
    place: family === 'IPv6' ? `[${address}]:${own}` : `${address}:${own}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of connections) socket.destroy()
      }),
  }
}

function oldest(connections: ReadonlySet<Socket>): Socket | undefined {
  const [first] = connections
  return first
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(coded('KM9602', `${host}:${port}: ${error.code ?? error.message}`)))
    server.listen({ host, port }, resolve)
  })
}

type Texts = (exposition: Exposition) => Promise<Buffer>

/** One reading at a time, and each form of it written once. */
function remembered(read: () => Promise<Samples>): Texts {
  let known: { readonly at: number; readonly samples: Promise<Samples>; readonly texts: Map<Exposition, Promise<Buffer>> } | undefined
  return (exposition) => {
    if (known === undefined || performance.now() - known.at > FRESH) {
      known = { at: performance.now(), samples: read(), texts: new Map() }
      known.samples.catch(() => {
        known = undefined
      })
    }
    const { samples, texts } = known
    const text = texts.get(exposition) ?? samples.then((all) => Buffer.from(expositionText(all, exposition)))
    texts.set(exposition, text)
    return text
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, textOf: Texts): Promise<void> {
  response.setHeader('connection', 'close')
  if (request.method !== 'GET' && request.method !== 'HEAD') return said(response, 405, 'only GET and HEAD\n', { allow: 'GET, HEAD' })
  if (pathOf(request.url) !== '/metrics') return said(response, 404, 'metrics are at /metrics\n')
  try {
    const exposition: Exposition = negotiated(request.headers.accept)
    const text = await textOf(exposition)
    response.writeHead(200, { 'content-type': CONTENT_TYPES[exposition], 'content-length': text.length, vary: 'accept' })
    response.end(request.method === 'HEAD' ? undefined : text)
  } catch (error) {
    said(response, 503, `${error instanceof Error ? error.message : String(error)}\n`)
  }
}

function said(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text), ...headers })
  response.end(response.req.method === 'HEAD' ? undefined : text)
}

function pathOf(url: string | undefined): string {
  return (url ?? '').split(/[?#]/)[0] as string
}
