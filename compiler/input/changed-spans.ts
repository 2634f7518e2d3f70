/**
 * Which resources of a JSON text changed. In: the text as it was and as it is, where resources stood in it. Out: those whose bytes differ, and where all of them stand now;
 * undefined where anything but these resources changed.
 * Invariant: outside of the changed resources both texts are the same, byte for byte; what stands in their places is one JSON value each only if it parses as one.
 */
import { skipValue } from './json-position.ts'

/** Places of resources, ascending and disjoint, in bytes. */
export interface Spans {
  readonly starts: Float64Array
  readonly ends: Float64Array
}

export interface ChangedSpans {
  /** indices into the places, ascending */
  readonly changed: readonly number[]
  readonly spans: Spans
}

const BLOCK = 1 << 16

export function changedSpans(before: Uint8Array, after: Uint8Array, { starts, ends }: Spans): ChangedSpans | undefined {
  const [old, now] = [bufferOf(before), bufferOf(after)]
  const same = commonStart(old, now)
  if (same === old.length && same === now.length) return { changed: [], spans: { starts, ends } }
  const tail = commonEnd(old, now, Math.min(old.length, now.length) - same)
  const first = lastBefore(starts, same)
  if (first < 0 || same >= (ends[first] as number)) return undefined
  const moved: Spans = { starts: new Float64Array(starts), ends: new Float64Array(ends) }
  const changed: number[] = []
  let shift = 0
  for (let index = first; ; index++) {
    const [start, end] = [starts[index] as number, ends[index] as number]
    const begin = start + shift
    const alike = now.length >= end + shift && old.compare(now, begin, end + shift, start, end) === 0
    const stop = alike ? end + shift : skipValue(now, begin, NO_LANDMARKS)
    if (!alike) changed.push(index)
    moved.starts[index] = begin
    moved.ends[index] = stop
    shift = stop - end
    const next = starts[index + 1] ?? old.length
    if (end >= old.length - tail) {
      // what follows is the common end, if it begins at the same distance from it
      if (shift !== now.length - old.length) return undefined
      for (let behind = index + 1; behind < starts.length; behind++) {
        moved.starts[behind] = (starts[behind] as number) + shift
        moved.ends[behind] = (ends[behind] as number) + shift
      }
      return { changed, spans: moved }
    }
    if (next + shift > now.length || old.compare(now, stop, next + shift, end, next) !== 0) return undefined
    if (index + 1 === starts.length) return undefined
  }
}

const NO_LANDMARKS = new Map<never, never>()

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** how many bytes both begin with */
function commonStart(a: Buffer, b: Buffer): number {
  const most = Math.min(a.length, b.length)
  let at = 0
  while (at < most) {
    const end = Math.min(at + BLOCK, most)
    if (a.compare(b, at, end, at, end) !== 0) break
    at = end
  }
  while (at < most && a[at] === b[at]) at++
  return at
}

/** how many bytes both end with, `most` at most */
function commonEnd(a: Buffer, b: Buffer, most: number): number {
  let count = 0
  while (count < most) {
    const next = Math.min(count + BLOCK, most)
    if (a.compare(b, b.length - next, b.length - count, a.length - next, a.length - count) !== 0) break
    count = next
  }
  while (count < most && a[a.length - 1 - count] === b[b.length - 1 - count]) count++
  return count
}

/** index of the last value below `limit` or equal to it, -1: there is none */
function lastBefore(values: Float64Array, limit: number): number {
  let low = -1
  for (let high = values.length; high - low > 1; ) {
    const middle = (low + high) >> 1
    if ((values[middle] as number) <= limit) low = middle
    else high = middle
  }
  return low
}
