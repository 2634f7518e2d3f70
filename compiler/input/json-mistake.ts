/**
 * Where JSON is wrong. In: bytes that JSON.parse refused (engines word and place their errors differently from version to version);
 * out: the byte offset of the first mistake, in our words. Invariant: no recursion; linear time.
 */
import { skipSpace } from './json-text.ts'

export interface JsonMistake {
  readonly message: string
  /** of the first byte that cannot stand there */
  readonly offset: number
  /** one whole value ends before the mistake, at depth 0: the text may be several documents */
  readonly complete: boolean
}

const LITERALS: readonly string[] = ['true', 'false', 'null']
const ENDS = 'the text ends in the middle of a value'

type State = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma'

export function findJsonMistake(bytes: Uint8Array, start: number): JsonMistake | undefined {
  const open: number[] = []
  let state: State = 'value'
  let at = skipSpace(bytes, start)
  const mistake = (offset: number, message: string): JsonMistake => ({ message, offset, complete: false })
  while (true) {
    const byte = bytes[at]
    if (byte === undefined) return mistake(bytes.length, ENDS)
    if (state === 'value' || state === 'value or ]') {
      if (byte === 0x5d && state === 'value or ]') open.pop()
      else if (byte === 0x7b || byte === 0x5b) {
        open.push(byte)
        state = byte === 0x7b ? 'key or }' : 'value or ]'
        at = skipSpace(bytes, at + 1)
        continue
      } else {
        const end = scalarEnd(bytes, at)
        if (typeof end !== 'number') return end
        at = end - 1
      }
      state = 'comma'
    } else if (state === 'key' || state === 'key or }') {
      if (byte === 0x22) {
        const end = stringEnd(bytes, at)
        if (typeof end !== 'number') return end
        at = end - 1
        state = 'colon'
      } else if (byte === 0x7d && state === 'key or }') {
        open.pop()
        state = 'comma'
      } else return mistake(at, `${show(bytes, at)} stands where a key in quotes is expected`)
    } else if (state === 'colon') {
      if (byte !== 0x3a) return mistake(at, `${show(bytes, at)} stands where ":" is expected`)
      state = 'value'
    } else if (byte === 0x2c) {
      state = open.at(-1) === 0x7b ? 'key' : 'value'
    } else if (byte === 0x7d && open.at(-1) === 0x7b) open.pop()
    else if (byte === 0x5d && open.at(-1) === 0x5b) open.pop()
    else return mistake(at, `${show(bytes, at)} stands where "," or "${open.at(-1) === 0x7b ? '}' : ']'}" is expected`)
    at = skipSpace(bytes, at + 1)
    if (open.length === 0 && state === 'comma') {
      return at >= bytes.length ? undefined : { message: `${show(bytes, at)} follows the end of the value`, offset: at, complete: true }
    }
  }
}

function show(bytes: Uint8Array, at: number): string {
  const text = new TextDecoder().decode(bytes.subarray(at, at + 4))
  return JSON.stringify([...text][0] ?? '')
}

function scalarEnd(bytes: Uint8Array, start: number): number | JsonMistake {
  const byte = bytes[start] as number
  if (byte === 0x22) return stringEnd(bytes, start)
  const word = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(400, bytes.length - start)).toString('latin1')
  const literal = LITERALS.find((text) => word.startsWith(text))
  if (literal) return start + literal.length
  if (LITERALS.some((text) => text.startsWith(word))) return { message: ENDS, offset: bytes.length, complete: false }
  const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/.exec(word)
  if (number && !/^\d/.test(word.slice(number[0].length))) return start + number[0].length
  return { message: `${show(bytes, start)} stands where a value is expected`, offset: start, complete: false }
}

/** offset behind the closing quote */
function stringEnd(bytes: Uint8Array, start: number): number | JsonMistake {
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte === 0x22) return at + 1
    if (byte < 0x20) return { message: `a text goes over the end of its line or has a control character`, offset: at, complete: false }
    if (byte !== 0x5c) continue
    const after = Buffer.from(bytes.buffer, bytes.byteOffset + at + 1, Math.min(5, bytes.length - at - 1)).toString('latin1')
    if (at + 1 >= bytes.length || (after.startsWith('u') && after.length < 5))
      return { message: ENDS, offset: bytes.length, complete: false }
    if (!/^(["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(after))
      return { message: `"\\${after[0]}" is no escape of JSON`, offset: at, complete: false }
    at++
  }
  return { message: ENDS, offset: bytes.length, complete: false }
}
