/**
 * One request through the real HTTP parser (llhttp, by way of node:http). In: a head that has passed the guard, the client's socket. Out: the parsed request and
 * a response that writes to the socket. Each request has a parser of its own: what one leaves behind cannot become part of the next.
 * Invariant: the parser and the guard read the same head, else the request is refused.
 */
import { createServer, type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { GuardedHead } from './head-guard.ts'

export interface Fed {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** A piece of the body; resolves when more may come. */
  push(bytes: Buffer): Promise<void>
  /** The body will never be whole, or the client is gone. */
  fail(): void
  /** aborted by `fail`, and where the parser refuses the rest of the request */
  readonly broken: AbortSignal
  /** The response is complete: nothing of this request is left behind. Returns its last bytes, which are for the caller to write. */
  release(): Buffer
}

class Feed extends Duplex {
  readonly sink: Socket
  wanted: (() => void) | undefined
  onRequest: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  onRefusal: (() => void) | undefined
  readonly broken = new AbortController()
  private held: Buffer[] = []
  private size = 0
  private turn: NodeJS.Immediate | undefined

  constructor(sink: Socket) {
    super({ allowHalfOpen: true, autoDestroy: false })
    this.sink = sink
  }

  override _read(): void {
    const resume = this.wanted
    this.wanted = undefined
    resume?.()
  }

  /**
   * Bytes wait until the end of this turn of the event loop: those of a short answer are still here when it is complete, and go out together with the connection's way
   * back (SlowConnection.finish).
   */
  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.sink.destroyed) {
      done(new Error('the client is gone'))
      return
    }
    this.held.push(chunk)
    this.size += chunk.length
    if (this.size >= HELD || this.sink.writableNeedDrain) {
      this.sink.write(this.takeHeld(), (error) => done(error))
      return
    }
    this.turn ??= setImmediate(() => {
      const bytes = this.takeHeld()
      if (!this.sink.destroyed && bytes.length > 0) this.sink.write(bytes)
    })
    done()
  }

  /** what waits; it is for the caller to write */
  takeHeld(): Buffer {
    clearImmediate(this.turn)
    this.turn = undefined
    const bytes = this.held.length === 1 ? (this.held[0] as Buffer) : Buffer.concat(this.held)
    this.held = []
    this.size = 0
    return bytes
  }

  override _final(done: () => void): void {
    done()
  }
}

/** bytes of an answer that wait for the end of a turn */
const HELD = 16 * 1024

/** It never listens: connections are handed to it. Limits of size and number are the guard's. */
const server = createServer({
  insecureHTTPParser: false,
  requireHostHeader: false,
  maxHeaderSize: 1 << 24,
  keepAliveTimeout: 0,
  headersTimeout: 0,
  requestTimeout: 0,
})
server.maxHeadersCount = 0
server.timeout = 0

const accept = (request: IncomingMessage, response: ServerResponse): void => {
  if (request.socket instanceof Feed) (request.socket as Feed).onRequest?.(request, response)
}
server.on('request', accept)
server.on('checkContinue', accept)
server.on('checkExpectation', accept)
server.on('connect', (request: IncomingMessage, socket: Duplex) => {
  const response = new ServerResponse(request)
  response.assignSocket(socket as Socket)
  accept(request, response)
})
server.on('clientError', (_: Error, socket: Duplex) => {
  if (socket instanceof Feed) socket.onRefusal?.()
})

/** undefined: the parser refuses what the guard has let through, or reads it in another way */
export function feedRequest(head: GuardedHead, bytes: Buffer, sink: Socket): Promise<Fed | undefined> {
  return new Promise((resolve) => {
    const feed = new Feed(sink)
    feed.on('error', () => undefined)
    feed.onRefusal = () => {
      feed.destroy()
      resolve(undefined)
    }
    feed.onRequest = (request, response) => {
      feed.onRequest = undefined
      feed.onRefusal = () => feed.broken.abort()
      request.on('error', () => undefined)
      response.on('error', () => undefined)
      if (!isSame(head, request)) {
        feed.destroy()
        resolve(undefined)
        return
      }
      resolve({
        request,
        response,
        push: (piece) =>
          feed.destroyed || feed.push(piece)
            ? Promise.resolve()
            : new Promise((more) => {
                feed.wanted = more
              }),
        fail() {
          feed.broken.abort()
          feed.wanted?.()
          feed.destroy()
        },
        broken: feed.broken.signal,
        release() {
          const last = feed.takeHeld()
          feed.wanted?.()
          feed.destroy()
          return last
        },
      })
    }
    server.emit('connection', feed)
    feed.push(bytes)
  })
}

function isSame(head: GuardedHead, { method, url, httpVersion, rawHeaders }: IncomingMessage): boolean {
  if (method !== head.method || url !== head.target || httpVersion !== head.version || rawHeaders.length !== head.headers.length * 2)
    return false
  return head.headers.every(([name, value], index) => rawHeaders[index * 2]?.toLowerCase() === name && rawHeaders[index * 2 + 1] === value)
}
