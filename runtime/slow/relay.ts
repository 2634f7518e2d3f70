/**
 * An answer that the kernel could not frame. In: the upstream, whose request has been sent in full, and the client's connection. Out: the answer, parsed by node:http and
 * written again with framing of our own; then the upstream is free or closed, and the client's connection goes on. Invariants: an upstream goes back to its pool only behind exactly one answer
 * (answer-end.ts); both are let go of when either side breaks.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { SlowConnection, SlowRelay } from '../serve/slow-lane.ts'
import { createAnswerEnd } from './answer-end.ts'
import { editLines } from './edit-lines.ts'
import { readAnswer } from './read-answer.ts'
import { statusText } from './status-text.ts'
import { upstreamFailure } from './upstream-failure.ts'

const HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'proxy-connection', 'upgrade'])

/** `goOn`: with the client's connection, where it stays in user space */
export async function relayAnswer(
  { connection, upstream, method, asked, edits, done }: SlowRelay,
  goOn: (connection: SlowConnection) => void,
): Promise<void> {
  const { socket } = connection
  upstream.on('error', () => undefined)
  socket.on('error', () => undefined)
  const end = createAnswerEnd(method)
  const gone = new Promise<'cut'>((resolve) => socket.once('close', () => resolve('cut')))
  const passed = readAnswer(upstream, method, end).then((answer) =>
    answer.kind === 'answer' ? pass(answer.answer, { method, asked, edits, socket }) : say(answer.code, { method, asked, edits, socket }),
  )
  const how = await Promise.race([passed, gone])
  if (how === 'cut') {
    done('close')
    connection.end('reset')
    return
  }
  done(end.place === 'end' && upstream.readableLength === 0 && how === 'whole' ? 'reuse' : 'close')
  if (asked === 'to close') connection.end('close')
  else if (connection.fastLane === 'possible') connection.giveBack()
  else goOn(connection)
}

/** Who waits for the answer. */
interface Asker extends Pick<SlowRelay, 'method' | 'asked' | 'edits'> {
  readonly socket: Socket
}

/** 'cut': its end is lost; the client has had a part of it */
function pass(answer: IncomingMessage, { method, asked, edits, socket }: Asker): Promise<'whole' | 'cut'> {
  const status = answer.statusCode ?? 502
  const pairs: string[] = []
  for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2) {
    const name = (answer.rawHeaders[at] as string).toLowerCase()
    if (!HOP.has(name)) pairs.push(`${name}: ${answer.rawHeaders[at + 1]}\r\n`)
  }
  const bare = method === 'HEAD' || status === 204 || status === 304
  const chunked = !bare && answer.headers['content-length'] === undefined
  const framing = `${chunked ? 'transfer-encoding: chunked\r\n' : ''}${lastLine(asked)}`
  const lines = edits === undefined ? pairs.join('') : editLines(pairs, String(status), edits)
  socket.write(Buffer.from(`HTTP/1.1 ${status} ${statusText(status)}\r\n${lines}${framing}\r\n`, 'latin1'))
  answer.on('data', (chunk: Buffer) => {
    const framed = chunked ? Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]) : chunk
    if (!socket.write(framed)) {
      answer.pause()
      socket.once('drain', () => answer.resume())
    }
  })
  return new Promise((resolve) => {
    answer.once('error', () => resolve('cut'))
    answer.once('end', () => {
      if (!answer.complete) resolve('cut')
      else socket.write(chunked ? '0\r\n\r\n' : '', () => resolve('whole'))
    })
  })
}

/** There was no answer, or none that can be read. */
function say(code: string, { method, asked, edits, socket }: Asker): Promise<'said'> {
  const { status, body } = upstreamFailure(code.startsWith('HPE_') ? 'protocol_error' : 'reset', 1)
  const lines = [
    `content-length: ${body.length}\r\n`,
    'content-type: text/plain\r\n',
    `date: ${new Date().toUTCString()}\r\n`,
    'server: envoy\r\n',
  ]
  // formats see the status of no upstream
  const head = edits === undefined ? lines.join('') : editLines(lines, '0', edits)
  const text = `HTTP/1.1 ${status} ${statusText(status)}\r\n${head}${lastLine(asked)}\r\n${method === 'HEAD' ? '' : body}`
  return new Promise((resolve) => socket.write(Buffer.from(text, 'latin1'), () => resolve('said')))
}

/** Behind all edits, as Envoy's codec writes it. */
function lastLine(asked: Asker['asked']): string {
  return asked === 'to close' ? 'connection: close\r\n' : ''
}
