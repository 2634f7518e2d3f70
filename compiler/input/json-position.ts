/**
 * Positions in JSON. In: the bytes of a text that parsed, and landmarks in it; out: the byte offset of a pointer: of the key of a member, of the value of an element.
 * Lists are scanned in pieces from landmark to landmark, objects from their beginning; what was scanned is remembered, so that many questions cost one scan,
 * and a value is not scanned to its end before somebody asks for what follows.
 * Of a repeated key the first is shown. Invariant: no recursion.
 */
import type { Pointer } from './found.ts'
import { camel } from './json-object.ts'
import { endOfString, type Landmarks, skipSpace } from './json-text.ts'
import type { Positions } from './position.ts'

/** Consecutive elements of a list, or all members of an object, scanned up to `next`. */
interface Piece {
  /** number of its first element */
  readonly first: number
  /** offsets of values */
  readonly values: number[]
  /** members of an object: offsets of keys, and number by key */
  readonly keys: number[]
  readonly byKey: Map<string, number>
  /** where the next element begins, when the end of the last one is known */
  next: number | undefined
}

export interface JsonPositions extends Positions {
  /** where the value of a pointer begins and ends; undefined: it is not in the text */
  span(start: number, pointer: Pointer): { readonly start: number; readonly end: number } | undefined
}

export function createJsonPositions(bytes: Uint8Array, landmarks: Landmarks): JsonPositions {
  const containers = new Map<number, readonly Piece[]>()

  const piecesOf = (begin: number): readonly Piece[] => {
    const known = containers.get(begin)
    if (known !== undefined) return known
    const marks = bytes[begin] === 0x5b ? landmarks.get(begin) : undefined
    const made = [piece(0, begin + 1), ...(marks?.numbers ?? []).map((number, at) => piece(number, marks?.offsets[at] ?? 0))]
    containers.set(begin, made)
    return made
  }
  const piece = (first: number, offset: number): Piece => ({
    first,
    values: [],
    keys: [],
    byKey: new Map(),
    next: skipSpace(bytes, offset),
  })

  /** where the element after this value begins, or the end of the list or object stands */
  const behind = (value: number): number => {
    const after = skipSpace(bytes, skipValue(bytes, value, landmarks))
    return bytes[after] === 0x2c ? skipSpace(bytes, after + 1) : after
  }

  /** scans one more element; false at the end of the list or object */
  const advance = (piece: Piece, isList: boolean): boolean => {
    const begin = piece.next ?? behind(piece.values.at(-1) ?? 0)
    piece.next = begin
    const byte = bytes[begin]
    if (byte === undefined || byte === 0x5d || byte === 0x7d) return false
    let value = begin
    if (!isList) {
      const end = endOfString(bytes, begin)
      const key = keyText(bytes, begin, end)
      if (!piece.byKey.has(key)) piece.byKey.set(key, piece.values.length)
      piece.keys.push(begin)
      value = skipSpace(bytes, skipSpace(bytes, end + 1) + 1)
    }
    piece.values.push(value)
    piece.next = undefined
    return true
  }

  const element = (begin: number, index: number): number | undefined => {
    const pieces = piecesOf(begin)
    let low = 0
    for (let high = pieces.length; high - low > 1; ) {
      const middle = (low + high) >> 1
      if ((pieces[middle]?.first ?? 0) <= index) low = middle
      else high = middle
    }
    const found = pieces[low]
    if (found === undefined) return undefined
    while (found.values.length <= index - found.first && advance(found, true));
    return found.values[index - found.first]
  }

  const member = (begin: number, name: string): { readonly key: number; readonly value: number } | undefined => {
    const [members] = piecesOf(begin)
    if (members === undefined) return undefined
    const other = camel(name)
    const number = () => members.byKey.get(name) ?? members.byKey.get(other)
    while (number() === undefined && advance(members, false));
    const at = number()
    return at === undefined ? undefined : { key: members.keys[at] ?? begin, value: members.values[at] ?? begin }
  }

  /** how far the pointer leads: where its last step is shown, where the value there begins, whether it was followed to its end */
  const follow = (start: number, pointer: Pointer): { readonly shown: number; readonly value: number; readonly whole: boolean } => {
    let shown = start
    let at = skipSpace(bytes, start)
    for (const step of pointer) {
      if (bytes[at] === 0x5b && typeof step === 'number') {
        const value = element(at, step)
        if (value === undefined) return { shown, value: at, whole: false }
        shown = at = value
      } else if (bytes[at] === 0x7b) {
        const found = member(at, String(step))
        if (found === undefined) return { shown, value: at, whole: false }
        shown = found.key
        at = found.value
      } else return { shown, value: at, whole: false }
    }
    return { shown, value: at, whole: true }
  }

  return {
    offset: (start, pointer) => follow(start, pointer).shown,
    span(start, pointer) {
      const { value, whole } = follow(start, pointer)
      return whole ? { start: value, end: skipValue(bytes, value, landmarks) } : undefined
    },
  }
}

function keyText(bytes: Uint8Array, start: number, end: number): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end + 1 - start).toString('utf8')
  if (!text.includes('\\')) return text.slice(1, -1)
  try {
    return JSON.parse(text) as string
  } catch {
    return text
  }
}

/** offset behind the value that begins at `start`; of a long one only the part behind its last landmark is scanned */
export function skipValue(bytes: Uint8Array, start: number, landmarks: Landmarks): number {
  const first = bytes[start]
  if (first === 0x22) return endOfString(bytes, start) + 1
  if (first !== 0x7b && first !== 0x5b) return skipWord(bytes, start)
  const mark = landmarks.get(start)?.offsets.at(-1)
  let depth = mark === undefined ? 0 : 1
  let at = mark ?? start
  const end = bytes.length
  while (at < end) {
    const byte = bytes[at++] as number
    if (byte === 0x22) {
      for (let inner = bytes[at++] as number; inner !== 0x22 && at < end; inner = bytes[at++] as number) if (inner === 0x5c) at++
    } else if (byte > 0x5a) {
      // `[` and `{`, `]` and `}` differ in one bit
      const bracket = byte | 0x20
      if (bracket === 0x7b) depth++
      else if (bracket === 0x7d && --depth === 0) return at
    }
  }
  return end
}

/** a number, true, false or null */
function skipWord(bytes: Uint8Array, start: number): number {
  let at = start
  for (; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte === 0x2c || byte === 0x5d || byte === 0x7d || byte <= 0x20) break
  }
  return at
}
