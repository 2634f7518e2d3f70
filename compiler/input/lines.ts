/**
 * Offsets to lines. In: the bytes of a text; out: line and column (from 1, in characters) of a byte or character offset.
 * What is before each block of 16 KiB is remembered, up to the place asked for: a hundred thousand places in one long line cost one pass over it.
 */
import { isAscii } from 'node:buffer'

export interface Lines {
  byte(offset: number): { readonly line: number; readonly column: number }
  /** `offset` in UTF-16 units of the text without its byte order mark */
  character(offset: number): { readonly line: number; readonly column: number }
}

const BLOCK = 1 << 14
const LINE_END = 10

export function createLines(bytes: Uint8Array): Lines {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const bom = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  /** of what is before each block that was counted: line ends, characters, and where its last line begins */
  const ends = [0]
  const letters = [0]
  const begins = [bom]
  let text: string | undefined

  const reach = (block: number): void => {
    for (let last = ends.length - 1; last < block; last++) {
      const from = last * BLOCK
      const lineEnds = countLineEnds(bytes, from, from + BLOCK)
      ends.push((ends[last] ?? 0) + lineEnds)
      letters.push((letters[last] ?? 0) + characters(bytes, from, from + BLOCK))
      begins.push(lineEnds === 0 ? (begins[last] ?? bom) : buffer.lastIndexOf(LINE_END, from + BLOCK - 1) + 1)
    }
  }
  /** of an offset in a block that was reached */
  const lettersBefore = (offset: number): number => {
    const block = Math.floor(offset / BLOCK)
    return (letters[block] ?? 0) + characters(bytes, block * BLOCK, offset)
  }

  const byte = (given: number) => {
    const offset = Math.max(bom, Math.min(given, bytes.length))
    const block = Math.floor(offset / BLOCK)
    reach(block)
    const lineEnds = countLineEnds(bytes, block * BLOCK, offset)
    const start = lineEnds === 0 ? (begins[block] ?? bom) : buffer.lastIndexOf(LINE_END, offset - 1) + 1
    return { line: (ends[block] ?? 0) + lineEnds + 1, column: 1 + lettersBefore(offset) - lettersBefore(start) }
  }
  return {
    byte,
    character(offset) {
      if (text === undefined && isAscii(buffer)) return byte(offset)
      text ??= buffer.toString('utf8', bom)
      return byte(bom + Buffer.byteLength(text.slice(0, offset)))
    },
  }
}

function countLineEnds(bytes: Uint8Array, from: number, to: number): number {
  const end = Math.min(to, bytes.length)
  let count = 0
  let at = from
  for (; at < end && (bytes.byteOffset + at) % 4 !== 0; at++) if (bytes[at] === LINE_END) count++
  const words = end - at < 4 ? new Uint32Array(0) : new Uint32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >> 2)
  for (let index = 0; index < words.length; index++) {
    // a byte of `x` is 0 where the text has a line end; `zero` has the high bit of just these bytes
    const x = (words[index] as number) ^ 0x0a0a0a0a
    const zero = ~(((x & 0x7f7f7f7f) + 0x7f7f7f7f) | x | 0x7f7f7f7f)
    if (zero !== 0) count += Math.imul((zero >>> 7) & 0x01010101, 0x01010101) >>> 24
  }
  for (at += words.length * 4; at < end; at++) if (bytes[at] === LINE_END) count++
  return count
}

/** code points of UTF-8: bytes that do not continue one */
function characters(buffer: Uint8Array, start: number, to: number): number {
  const end = Math.min(to, buffer.length)
  let count = 0
  for (let at = start; at < end; at++) if (((buffer[at] as number) & 0xc0) !== 0x80) count++
  return count
}
