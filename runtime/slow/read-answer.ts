/**
 * An answer to a request that the kernel has sent. In: the upstream's socket, of which nothing has been read. Out: the answer, parsed by node:http, or why there is none; what came is told to `end`.
 */
import { type IncomingMessage, request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { SlowRelay } from '../serve/slow-lane.ts'
import type { AnswerEnd } from './answer-end.ts'

/** The upstream's answers, behind a request that is not sent: the kernel has sent it. */
class AnswersOnly extends Duplex {
  private readonly upstream: Socket

  constructor(upstream: Socket, end: AnswerEnd) {
    super({ allowHalfOpen: true })
    this.upstream = upstream
    upstream.on('data', (chunk: Buffer) => {
      end.push(chunk)
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

export type ReadAnswer = { readonly kind: 'answer'; readonly answer: IncomingMessage } | { readonly kind: 'none'; readonly code: string }

export function readAnswer(upstream: Socket, method: SlowRelay['method'], end: AnswerEnd): Promise<ReadAnswer> {
  const stream = new AnswersOnly(upstream, end)
  stream.on('error', () => undefined)
  const request = httpRequest({
    method: method === 'HEAD' ? 'HEAD' : 'GET',
    setHost: false,
    createConnection: () => stream as unknown as Socket,
    insecureHTTPParser: false,
  })
  request.end()
  return new Promise((resolve) => {
    request.once('error', (error) => resolve({ kind: 'none', code: 'code' in error ? String(error.code) : '' }))
    request.once('response', (answer) => resolve({ kind: 'answer', answer }))
  })
}
