/**
 * What the engine's JSON.parse does not tell about a text. In: its bytes; out: depth, number of keys, repeated keys.
 * Invariant: no recursion over the text, and time linear in it.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c

export interface JsonScan {
  /** deepest nesting of lists and objects */
  readonly depth: number
  /** keys written, repeated ones included */
  readonly keys: number
  /** where the nesting first was deeper than `limit` */
  readonly tooDeepAt: number | undefined
  readonly landmarks: Landmarks
}

/** By offset of a long list or object: some of its elements or members, by number and offset of what follows the comma before, ascending. */
export type Landmarks = ReadonlyMap<number, { readonly numbers: readonly number[]; readonly offsets: readonly number[] }>

/** bytes between two landmarks */
const STRIDE = 1 << 18

export function scanJson(bytes: Uint8Array, limit: number): JsonScan {
  const marks = new Map<number, { readonly numbers: number[]; readonly offsets: number[] }>()
  /** of the open lists and objects: where they begin, number of the current element, where it begins */
  const begins: number[] = []
  const numbers: number[] = []
  const offsets: number[] = []
  const end = bytes.length
  let depth = 0
  let deepest = 0
  let keys = 0
  let tooDeepAt: number | undefined
  let due = STRIDE
  for (let at = 0; at < end; at++) {
    const byte = bytes[at] as number
    if (byte === QUOTE) at = endOfString(bytes, at)
    else if (byte === COLON) keys++
    else if (byte === COMMA) {
      if (depth === 0 || depth > limit) continue
      numbers[depth] = (numbers[depth] ?? 0) + 1
      offsets[depth] = at + 1
      if (at < due) continue
      due = at + STRIDE
      for (let level = 1; level <= depth; level++) {
        const begin = begins[level] ?? 0
        const known = marks.get(begin) ?? { numbers: [], offsets: [] }
        if (known.numbers.length === 0) marks.set(begin, known)
        if (known.numbers.at(-1) === numbers[level]) continue
        known.numbers.push(numbers[level] ?? 0)
        known.offsets.push(offsets[level] ?? 0)
      }
    } else if (byte <= COLON) continue
    else if (byte === 0x7b || byte === 0x5b) {
      depth++
      if (depth > deepest) deepest = depth
      if (depth <= limit) {
        begins[depth] = at
        numbers[depth] = 0
        offsets[depth] = at + 1
      } else tooDeepAt ??= at
    } else if ((byte === 0x7d || byte === 0x5d) && depth > 0) depth--
  }
  return { depth: deepest, keys, tooDeepAt, landmarks: marks }
}

/** offset of the closing quote of the string that begins at `start`; the end of the text where there is none */
export function endOfString(buffer: Uint8Array, start: number): number {
  let at = start + 1
  const end = buffer.length
  while (at < end) {
    const byte = buffer[at]
    if (byte === QUOTE) return at
    at += byte === BACKSLASH ? 2 : 1
  }
  return end
}

/** Number of keys in a parsed value; fewer than were written when some are repeated. The value is known to be of limited depth. */
export function countKeys(value: unknown): number {
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && item !== null) count += countKeys(item)
  } else if (typeof value === 'object' && value !== null) {
    const object = value as Readonly<Record<string, unknown>>
    for (const key in object) {
      count++
      const item = object[key]
      if (typeof item === 'object' && item !== null) count += countKeys(item)
    }
  }
  return count
}

export interface RepeatedKey {
  readonly key: string
  readonly offset: number
}

/** The keys that an object has a second time, in the order of the text. For valid JSON. */
export function repeatedKeys(bytes: Uint8Array, most: number): readonly RepeatedKey[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: RepeatedKey[] = []
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < buffer.length && found.length < most; at++) {
    const byte = buffer[at]
    if (byte === 0x7b) open.push(new Set())
    else if (byte === 0x5b) open.push(undefined)
    else if (byte === 0x7d || byte === 0x5d) open.pop()
    else if (byte === QUOTE) {
      const end = endOfString(buffer, at)
      const keys = open.at(-1)
      if (keys !== undefined && buffer[skipSpace(buffer, end + 1)] === COLON) {
        const key = JSON.parse(buffer.toString('utf8', at, end + 1)) as string
        if (keys.has(key)) found.push({ key, offset: at })
        keys.add(key)
      }
      at = end
    }
  }
  return found
}

export function skipSpace(buffer: Uint8Array, start: number): number {
  let at = start
  while (at < buffer.length) {
    const byte = buffer[at]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break
    at++
  }
  return at
}
