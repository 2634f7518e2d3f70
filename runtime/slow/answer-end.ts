/**
 * Whether an upstream has said exactly one answer. In: its bytes as they come, behind one request. Out: where they are: within the answer, at its end, or beyond it. For the choice of
 * whether a connection may serve another request, and no more: what is unclear is never at its end. Source: RFC 9112, 6.3.
 */
import { createChunkGuard } from './chunk-guard.ts'

export interface AnswerEnd {
  push(bytes: Buffer): void
  readonly place: 'within' | 'end' | 'beyond'
}

type Body = { readonly kind: 'length'; left: number } | { readonly kind: 'chunked'; readonly guard: ReturnType<typeof createChunkGuard> }

const BLANK = '\r\n\r\n'
const HEAD_LIMIT = 60 * 1024

export function createAnswerEnd(method: 'HEAD' | 'other'): AnswerEnd {
  let place: AnswerEnd['place'] = 'within'
  let head = ''
  let body: Body | undefined

  /** bytes of the body that are not its own */
  const take = (bytes: Buffer, into: Body): Buffer | undefined => {
    if (into.kind === 'length') {
      const taken = Math.min(into.left, bytes.length)
      into.left -= taken
      return into.left === 0 ? bytes.subarray(taken) : undefined
    }
    const step = into.guard.push(bytes)
    if (step.kind === 'refused') place = 'beyond'
    return step.kind === 'end' ? bytes.subarray(step.at) : undefined
  }
  const push = (bytes: Buffer): void => {
    if (bytes.length === 0 || place === 'beyond') return
    if (place === 'end') {
      place = 'beyond'
      return
    }
    if (body === undefined) {
      head += bytes.toString('latin1')
      const end = head.indexOf(BLANK)
      if (end < 0) {
        if (head.length > HEAD_LIMIT) place = 'beyond'
        return
      }
      const rest = Buffer.from(head.slice(end + BLANK.length), 'latin1')
      const own = head.slice(0, end + 2)
      head = ''
      if (/^HTTP\/1\.1 1/.test(own) && !/^HTTP\/1\.1 101/.test(own)) return push(rest)
      body = bodyOf(own, method)
      if (body === undefined) place = 'beyond'
      else if (body.kind === 'length' && body.left === 0) {
        place = 'end'
        push(rest)
      } else push(rest)
      return
    }
    const rest = take(bytes, body)
    if (rest === undefined) return
    place = 'end'
    push(rest)
  }
  return {
    push,
    get place() {
      return place
    },
  }
}

/** undefined: it ends with the connection, or is read differently by different readers */
function bodyOf(head: string, method: 'HEAD' | 'other'): Body | undefined {
  const status = /^HTTP\/1\.1 (\d{3})[ \r]/.exec(head)?.[1]
  if (status === undefined || status === '101') return undefined
  const values = (name: string): readonly string[] =>
    head
      .split('\r\n')
      .filter((line) => line.toLowerCase().startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).trim())
  const lengths = values('content-length')
  const codings = values('transfer-encoding')
  if (lengths.length + codings.length > 1 || values('connection').length > 0) return undefined
  if (method === 'HEAD' || status === '204' || status === '304') return { kind: 'length', left: 0 }
  if (codings.length === 1) return codings[0]?.toLowerCase() === 'chunked' ? { kind: 'chunked', guard: createChunkGuard() } : undefined
  return lengths.length === 1 && /^\d{1,15}$/.test(lengths[0] as string) ? { kind: 'length', left: Number(lengths[0]) } : undefined
}
