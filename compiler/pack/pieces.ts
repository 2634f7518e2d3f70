/**
 * gzip in pieces. In: bytes, and what was zipped before. Out: gzip of several members, which every reader takes for one file; the same bytes give the same, whatever was
 * zipped before. Cuts depend on the bytes around them alone, so that what is only moved is the same pieces again and is not zipped again.
 */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

export interface Zipper {
  /** Remembers the pieces of the last call. */
  zip(bytes: Uint8Array): Promise<Buffer>
}

const LEVEL = 1
/** Cuts are behind units of this size: keys of states and rows of endpoints are multiples of it. */
const UNIT = 16
/** bytes; a member has a header, and begins without anything to refer back to */
const LEAST = 1 << 14
const MOST = 1 << 18
/** one of 4,096 units: 64 KiB on average, behind LEAST */
const CUT_BITS = 12
const CUT = 0xa5

interface Piece {
  readonly plain: Uint8Array
  readonly zipped: Uint8Array
}

const compress = promisify(gzip)

export function createZipper(): Zipper {
  let known = new Map<string, readonly Piece[]>()
  return {
    async zip(bytes) {
      const pieces = await Promise.all(
        cut(bytes).map(async (plain): Promise<Piece> => {
          const held = known.get(lookOf(plain))?.find((piece) => Buffer.compare(piece.plain, plain) === 0)
          return { plain, zipped: held?.zipped ?? (await compress(plain, { level: LEVEL })) }
        }),
      )
      known = byLook(pieces)
      return Buffer.concat(pieces.map(({ zipped }) => zipped))
    },
  }
}

function byLook(pieces: readonly Piece[]): Map<string, Piece[]> {
  const looks = new Map<string, Piece[]>()
  for (const piece of pieces) {
    const look = lookOf(piece.plain)
    const alike = looks.get(look)
    if (alike === undefined) looks.set(look, [piece])
    else alike.push(piece)
  }
  return looks
}

/** Equal pieces look the same; others hardly ever. */
function lookOf(plain: Uint8Array): string {
  const view = viewOf(plain)
  const places = [0, 1 / 3, 2 / 3].map((share) => Math.floor((plain.length * share) / UNIT) * UNIT)
  return `${plain.length} ${places.map((at) => (at + 4 <= plain.length ? view.getUint32(at, true) : 0)).join(' ')}`
}

export function cut(bytes: Uint8Array): readonly Uint8Array[] {
  const words = wordsOf(bytes)
  const pieces: Uint8Array[] = []
  let from = 0
  for (let at = LEAST; at + UNIT <= bytes.length; at += UNIT) {
    if (!endsHere(words, at >> 2) && at + UNIT - from < MOST) continue
    pieces.push(bytes.subarray(from, at + UNIT))
    from = at + UNIT
    at = from + LEAST - UNIT
  }
  if (from < bytes.length || bytes.length === 0) pieces.push(bytes.subarray(from))
  return pieces
}

/** Whether the unit at this place is one of those behind which is cut. Units of zeros are not. Every unit of a table is looked at: words are read several times as fast as through a view. */
function endsHere(words: Uint32Array, at: number): boolean {
  let sum = words[at] as number
  for (let word = 1; word < UNIT / 4; word++) sum = Math.imul(sum, 0x9e3779b1) ^ (words[at + word] as number)
  return Math.imul(sum, 0x85ebca6b) >>> (32 - CUT_BITS) === CUT
}

/** Whole words, little-endian as the machines are that compilers run on; a copy where they are not aligned. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const whole = bytes.length >> 2
  if (bytes.byteOffset % 4 === 0) return new Uint32Array(bytes.buffer, bytes.byteOffset, whole)
  return new Uint32Array(bytes.slice(0, whole * 4).buffer)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
