/**
 * The strict reading of a chunked body. In: bytes, piece by piece. Out: how many of them belong to the body, and whether it is at its end; or why it is refused.
 * Nothing is decoded: the bytes go on to the real parser. Source: RFC 9112, 7.1. Extensions are visible text without quotes; trailers are headers.
 */

export type ChunkStep =
  | { readonly kind: 'more' }
  /** the body ends before this offset */
  | { readonly kind: 'end'; readonly at: number }
  | { readonly kind: 'refused'; readonly why: string }

export interface ChunkGuard {
  push(bytes: Uint8Array): ChunkStep
}

const SIZE_LINE = /^([0-9A-Fa-f]{1,12})(?:[ \t]*;[\t\x20\x21\x23-\x7e]*)?$/
const TRAILER = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/
const LINE_LIMIT = 4096
const TRAILER_LIMIT = 8192
const CR = 13
const LF = 10

export function createChunkGuard(): ChunkGuard {
  let state: 'size' | 'data' | 'data_end' | 'trailer' = 'size'
  let left = 0
  let line = ''
  let trailers = 0
  /** the whole line once its CRLF is there; null: it is none (a text would be one that somebody sends: "bad" is a size) */
  const readLine = (byte: number): string | null | undefined => {
    if (line.endsWith('\r')) {
      const whole = line.slice(0, -1)
      line = ''
      return byte === LF ? whole : null
    }
    if (byte === LF || line.length >= LINE_LIMIT) return null
    line += String.fromCharCode(byte)
    return undefined
  }
  return {
    push(bytes) {
      for (let at = 0; at < bytes.length; ) {
        if (state === 'data') {
          const taken = Math.min(left, bytes.length - at)
          left -= taken
          at += taken
          if (left === 0) {
            state = 'data_end'
            left = 2
          }
          continue
        }
        const byte = bytes[at++] as number
        if (state === 'data_end') {
          if (byte !== (left === 2 ? CR : LF)) return { kind: 'refused', why: 'chunk is longer than its size' }
          if (--left === 0) state = 'size'
          continue
        }
        const whole = readLine(byte)
        if (whole === undefined) continue
        if (state === 'size') {
          const size = whole === null ? undefined : SIZE_LINE.exec(whole)?.[1]
          if (size === undefined) return { kind: 'refused', why: 'chunk size' }
          left = Number.parseInt(size, 16)
          state = left === 0 ? 'trailer' : 'data'
          continue
        }
        if (whole === '') return { kind: 'end', at }
        trailers += whole?.length ?? 0
        if (whole === null || !TRAILER.test(whole) || trailers > TRAILER_LIMIT) return { kind: 'refused', why: 'trailer' }
      }
      return { kind: 'more' }
    },
  }
}
