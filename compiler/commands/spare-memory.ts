/**
 * Trades time for memory where a snapshot is large. In: its sources. Out: nothing; the engine's heap grows in small steps from here on.
 * Unasked, V8 lets garbage grow to half of what is alive before it looks; of a snapshot of 100 MB that is a few hundred MB that nobody needs.
 */
import { setFlagsFromString } from 'node:v8'
import type { Source } from '../input/text.ts'

/** bytes; a snapshot below is small beside what the process needs anyway */
const SIZEABLE = 4_000_000
const LARGE = 16_000_000

export function spareMemory(sources: readonly Source[]): void {
  const size = sources.reduce((sum, { bytes }) => sum + bytes.length, 0)
  if (size >= SIZEABLE) setFlagsFromString(`--heap-growing-percent=${size >= LARGE ? 5 : 20}`)
}
