/**
 * An answer that the kernel could not frame. In: the upstream, whose request has been sent in full, and the client's connection. Out: the answer, parsed by node:http and
 * written again with framing of our own; then the upstream is free or closed, and the client's connection goes on.
 */
import { request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { SlowConnection, SlowRelay } from '../serve/slow-lane.ts'
import { statusText } from './status-text.ts'

/** The upstream's answers, behind a request that is not sent: the kernel has sent it. */
class AnswersOnly extends Duplex {
  private readonly upstream: Socket

  constructor(upstream: Socket) {
    super({ allowHalfOpen: true })
    this.upstream = upstream
    upstream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) upstream.pause()
    })
    upstream.once('end', () => this.push(null))
    upstream.once('error', (error) => this.destroy(error))
  }

  override _read(): void {
    this.upstream.resume()
  }

  override _write(_: Buffer, __: BufferEncoding, done: () => void): void {
    done()
  }
}

const HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'proxy-connection', 'upgrade'])

/** `goOn`: with the client's connection, where it stays in user space */
export async function relayAnswer(relay: SlowRelay, goOn: (connection: SlowConnection) => void): Promise<void> {
  const { connection, upstream, done } = relay
  const { socket } = connection
  upstream.on('error', () => undefined)
  socket.on('error', () => undefined)
  const stream = new AnswersOnly(upstream)
  stream.on('error', () => undefined)
  const method = relay.method === 'HEAD' ? 'HEAD' : 'GET'
  const request = httpRequest({ method, setHost: false, createConnection: () => stream as unknown as Socket, insecureHTTPParser: false })
  request.end()
  const cut = (): void => {
    done('close')
    connection.end('reset')
  }
  await new Promise<void>((resolve) => {
    request.once('error', () => {
      cut()
      resolve()
    })
    request.once('response', (answer) => {
      const status = answer.statusCode ?? 502
      const pairs: string[] = []
      for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2) {
        const name = (answer.rawHeaders[at] as string).toLowerCase()
        if (!HOP.has(name)) pairs.push(`${name}: ${answer.rawHeaders[at + 1]}\r\n`)
      }
      const bare = method === 'HEAD' || status === 204 || status === 304
      const chunked = !bare && answer.headers['content-length'] === undefined
      const reuse =
        answer.headers.connection?.toLowerCase() !== 'close' && (bare || answer.headers['transfer-encoding'] !== undefined || !chunked)
      socket.write(
        Buffer.from(
          `HTTP/1.1 ${status} ${statusText(status)}\r\n${pairs.join('')}${chunked ? 'transfer-encoding: chunked\r\n' : ''}\r\n`,
          'latin1',
        ),
      )
      answer.on('data', (chunk: Buffer) => {
        const framed = chunked ? Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]) : chunk
        if (!socket.write(framed)) {
          answer.pause()
          socket.once('drain', () => answer.resume())
        }
      })
      let over = false
      answer.once('error', () => {
        if (!over) cut()
        over = true
        resolve()
      })
      answer.once('end', () => {
        if (over) return
        over = true
        if (!answer.complete) {
          cut()
          resolve()
          return
        }
        const end = (): void => {
          done(reuse ? 'reuse' : 'close')
          if (connection.fastLane === 'possible') connection.giveBack()
          else goOn(connection)
          resolve()
        }
        socket.write(chunked ? '0\r\n\r\n' : '', () => end())
      })
    })
  })
}
