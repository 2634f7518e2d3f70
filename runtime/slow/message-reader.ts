/**
 * Requests on a connection, one at a time. In: the socket, as its bytes come. Out: the head of the next request once it is whole; then its body, piece by piece,
 * to its end and never a byte beyond. Invariant: bytes are looked at in order and each belongs to exactly one request; nothing of a request is given out before
 * its head has passed the guard.
 */
import type { Socket } from 'node:net'
import { createChunkGuard } from './chunk-guard.ts'
import { type GuardedHead, type HeadRefusal, readHead, refuse } from './head-guard.ts'

export interface ReaderLimits {
  readonly headLimit: number
  readonly headerLimit: number
  readonly chunkedLength: boolean
}

export type NextHead =
  | { readonly kind: 'head'; readonly head: GuardedHead; readonly bytes: Buffer }
  | HeadRefusal
  /** `with`: the client's sending half ended between requests, in one, or the connection broke */
  | { readonly kind: 'over'; readonly how: 'clean' | 'cut' | 'broken' }
  | { readonly kind: 'http2' }

export interface MessageReader {
  /** The last request's body must be at its end, or given up. */
  next(limits: ReaderLimits): Promise<NextHead>
  /** Bytes of the body; undefined: it is at its end. Rejects where it is cut off or refused. */
  body(): Promise<Buffer | undefined>
  /** Everything from here on, whatever it is: for tunnels. undefined: the client's sending half has ended. */
  rest(): Promise<Buffer | undefined>
  readonly bodyEnded: boolean
  /** bytes that were read and belong to no request yet */
  readonly held: number
  /** the client has ended its sending half, or the connection is broken */
  readonly ended: boolean
  /** takes the listeners off the socket */
  release(): void
}

/** A body that is not framed as its head says, or cut off. */
export class BodyFault extends Error {
  readonly kind: 'cut_off' | 'framing'

  constructor(kind: BodyFault['kind'], why: string) {
    super(why)
    this.kind = kind
  }
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const BLANK = Buffer.from('\r\n\r\n')
const CRLF = '\r\n'
const NOTHING = Buffer.alloc(0)

/** `before`: bytes that were read by somebody else */
export function createMessageReader(socket: Socket, before: Buffer = NOTHING): MessageReader {
  let held: Buffer[] = before.length === 0 ? [] : [before]
  let size = before.length
  let ended: 'open' | 'ended' | 'broken' = 'open'
  let wake: (() => void) | undefined
  let first = true
  let left: { kind: 'none' } | { kind: 'length'; length: number } | { kind: 'chunked'; guard: ReturnType<typeof createChunkGuard> } = {
    kind: 'none',
  }

  const rouse = (): void => {
    const waiting = wake
    wake = undefined
    waiting?.()
  }
  const onReadable = (): void => rouse()
  const onEnd = (): void => {
    if (ended === 'open') ended = 'ended'
    rouse()
  }
  const onClose = (): void => {
    if (ended === 'open' || socket.errored !== null) ended = 'broken'
    rouse()
  }
  socket.on('readable', onReadable)
  socket.on('end', onEnd)
  socket.on('close', onClose)

  /** more bytes into `held`; false: there are no more */
  const fill = async (): Promise<boolean> => {
    for (;;) {
      const chunk = socket.destroyed ? null : (socket.read() as Buffer | null)
      if (chunk !== null) {
        held.push(chunk)
        size += chunk.length
        return true
      }
      if (socket.destroyed && ended === 'open') ended = 'broken'
      if (ended !== 'open') return false
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const all = (): Buffer => {
    if (held.length !== 1) held = [Buffer.concat(held)]
    return held[0] as Buffer
  }
  const take = (length: number): Buffer => {
    const bytes = all()
    held = length === bytes.length ? [] : [bytes.subarray(length)]
    size -= length
    return bytes.subarray(0, length)
  }

  return {
    async next({ headLimit, headerLimit, chunkedLength }) {
      let seen = 0
      for (;;) {
        // empty lines in front of a request belong to nobody (RFC 9112, 2.2)
        while (seen === 0 && size >= 2 && all().toString('latin1', 0, 2) === CRLF) {
          first = false
          take(2)
        }
        if (size > 0) {
          const bytes = all()
          if (first && isPreface(bytes)) {
            if (bytes.length >= PREFACE.length) return { kind: 'http2' }
          } else {
            first = false
            const end = bytes.indexOf(BLANK, Math.max(0, seen - BLANK.length))
            if (end >= 0) {
              if (end + BLANK.length > headLimit) return refuse(431, 'size of the head')
              const head = readHead(bytes.toString('latin1', 0, end + BLANK.length), { headerLimit, chunkedLength })
              if ('kind' in head) return head
              left = head.body.kind === 'chunked' ? { kind: 'chunked', guard: createChunkGuard() } : { ...head.body }
              return { kind: 'head', head, bytes: take(head.length) }
            }
            if (bytes.length > headLimit) return refuse(431, 'size of the head')
            if (isOdd(bytes, seen)) return refuse(400, 'bare CR, LF or NUL')
            seen = bytes.length
          }
        }
        if (!(await fill())) return { kind: 'over', how: ended === 'broken' ? 'broken' : size > 0 ? 'cut' : 'clean' }
      }
    },
    async body() {
      if (left.kind === 'none') return undefined
      if (size === 0 && !(await fill())) throw new BodyFault('cut_off', 'the body is cut off')
      if (left.kind === 'length') {
        const bytes = take(Math.min(left.length, size))
        left.length -= bytes.length
        if (left.length === 0) left = { kind: 'none' }
        return bytes
      }
      const step = left.guard.push(all())
      if (step.kind === 'refused') throw new BodyFault('framing', step.why)
      if (step.kind === 'more') return take(size)
      left = { kind: 'none' }
      return take(step.at)
    },
    async rest() {
      if (size === 0 && !(await fill())) return undefined
      return take(size)
    },
    get bodyEnded() {
      return left.kind === 'none'
    },
    get held() {
      return size + socket.readableLength
    },
    get ended() {
      return ended !== 'open'
    },
    release() {
      socket.off('readable', onReadable)
      socket.off('end', onEnd)
      socket.off('close', onClose)
    },
  }
}

/** Whether a bare CR, LF or NUL is among bytes of which `seen` are known to have none, but that the last of them may be the CR of a line end. */
function isOdd(bytes: Buffer, seen: number): boolean {
  const text = bytes.toString('latin1', Math.max(0, seen - 1))
  return text.includes('\0') || (seen === 0 && text.startsWith('\n')) || /[^\r]\n|\r[^\n]/.test(text)
}

function isPreface(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, PREFACE.length)
  return bytes.compare(PREFACE, 0, length, 0, length) === 0
}
