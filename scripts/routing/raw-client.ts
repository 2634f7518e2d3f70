/**
 * Requests written to a socket as they are. In: an address and requests. Out: their answers in order, and the local port of the connection that each went over:
 * a connection serves until Envoy closes it. Invariant: texts go out as UTF-8 and come back with one character a byte; no answer is waited for longer than
 * five seconds.
 */
import { connect, type Socket } from 'node:net'
import { lowerCase } from '../../compiler/match/string-match.ts'
import type { RoutingRequest } from './routing-case.ts'

export interface RawAnswer {
  /** undefined: the connection ended, or nothing came in time */
  readonly status: number | undefined
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  /** of the client; tells connections apart */
  readonly port: number
}

const PATIENCE = 5000

interface Place {
  readonly host: string
  readonly port: number
  /** the client's address, if it matters */
  readonly from?: string
}

export async function askAll(place: Place, requests: readonly RoutingRequest[]): Promise<readonly RawAnswer[]> {
  const answers: RawAnswer[] = []
  let line: Line | undefined
  for (const request of requests) {
    line ??= await open(place)
    const answer = await line.ask(request)
    answers.push(answer)
    if (
      answer.status === undefined ||
      line.isOver() ||
      answer.status === 204 ||
      answer.status === 304 ||
      request.method === 'CONNECT' ||
      /^close$/i.test(headerOf(answer, 'connection'))
    ) {
      line.socket.destroy()
      line = undefined
    }
  }
  line?.socket.destroy()
  return answers
}

interface Line {
  readonly socket: Socket
  ask(request: RoutingRequest): Promise<RawAnswer>
  isOver(): boolean
}

function open({ from, ...place }: Place): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...place, noDelay: true, ...(from !== undefined && { localAddress: from }) })
    let text = ''
    let isOver = false
    let wake: (() => void) | undefined
    const port = (): number => socket.localPort ?? 0
    let held = 0
    const ask = async (request: RoutingRequest): Promise<RawAnswer> => {
      socket.write(Buffer.from(headOf(request), 'utf8'))
      const deadline = Date.now() + PATIENCE
      for (;;) {
        const found = readAnswer(text, request.method)
        if (found !== undefined) {
          text = text.slice(found.length)
          return { ...found.answer, port: held }
        }
        if (isOver || Date.now() >= deadline) return { status: undefined, headers: [], body: '', port: held }
        await new Promise<void>((next) => {
          const timer = setTimeout(next, deadline - Date.now())
          wake = () => {
            clearTimeout(timer)
            next()
          }
        })
      }
    }
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1')
      wake?.()
    })
    const end = (): void => {
      isOver = true
      wake?.()
    }
    socket.once('connect', () => {
      held = port()
      resolve({ socket, ask, isOver: () => isOver })
    })
    socket.once('error', (error) => {
      end()
      reject(error)
    })
    socket.once('end', end)
    socket.once('close', end)
  })
}

function headOf({ method, authority, path, headers }: RoutingRequest): string {
  return `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}

function headerOf({ headers }: Pick<RawAnswer, 'headers'>, name: string): string {
  return headers.find((pair) => pair[0] === name)?.[1] ?? ''
}

/** undefined: it is not whole yet */
function readAnswer(text: string, method: string): { readonly answer: Omit<RawAnswer, 'port'>; readonly length: number } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const status = Number(first.split(' ')[1])
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':')
    return [lowerCase(line.slice(0, colon)), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')]
  })
  const start = end + 4
  // an interim answer: the real one follows
  if (status === 100) {
    const later = readAnswer(text.slice(start), method)
    return later === undefined ? undefined : { ...later, length: start + later.length }
  }
  const bare = method === 'HEAD' || status === 204 || status === 304
  if (!bare && headerOf({ headers }, 'transfer-encoding') === 'chunked') {
    const last = text.indexOf('0\r\n\r\n', start)
    return last < 0 ? undefined : { answer: { status, headers, body: unchunk(text.slice(start, last)) }, length: last + 5 }
  }
  const length = bare ? 0 : Number(headerOf({ headers }, 'content-length')) || 0
  if (text.length < start + length) return undefined
  return { answer: { status, headers, body: text.slice(start, start + length) }, length: start + length }
}

function unchunk(text: string): string {
  let out = ''
  let at = 0
  while (at < text.length) {
    const end = text.indexOf('\r\n', at)
    if (end < 0) break
    const size = Number.parseInt(text.slice(at, end), 16)
    out += text.slice(end + 2, end + 2 + size)
    at = end + 4 + size
  }
  return out
}
