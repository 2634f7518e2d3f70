/**
 * Trades time for memory where a snapshot is large. In: its sources, and when a phase begins. Out: nothing; the engine's heap is kept within what a snapshot of this size may take.
 * Unasked, V8 lets garbage grow to half of what is alive and more before it looks; of a snapshot of 100 MB that is a few hundred MB that nobody needs. So garbage
 * is looked for when a phase begins, when much has just died, and within a phase it may grow by a part of the room that is left: much where a snapshot turned out
 * small in memory, little where it did not.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Source } from '../input/text.ts'

/** bytes; a snapshot below is small beside what the process needs anyway */
const SIZEABLE = 4_000_000
/** what is aimed at: seven times the snapshot, and this; a command may take eight times, and what is garbage is never exactly known */
const TIMES = 7
const BESIDE = 150_000_000
/** of the process without heap: the engine, code, thread stacks */
const ENGINE = 75_000_000
/** percent of what is alive; a quarter of the room, because most phases also make what stays */
const LEAST_GROWTH = 5
const MOST_GROWTH = 100
const SHARE = 1 / 4
/** what is alive of a snapshot sooner or later, for each of its bytes: the first phase begins with nothing */
const EXPECTED = 4

/** bytes of heap, of which a part may be dead all the same */
const LARGE = 150_000_000

interface Spared {
  /** bytes of the snapshot */
  readonly size: number
  readonly collect: () => void
}

/** The engine's settings are the process's, and so is this. */
let spared: Spared | undefined

export function spareMemory(sources: readonly Source[]): void {
  const size = sources.reduce((sum, { bytes }) => sum + bytes.length, 0)
  if (size < SIZEABLE) return
  spared = { size, collect: collector() }
  tidyMemory()
}

/** A phase begins. */
export function tidyMemory(): void {
  if (spared === undefined) return
  const { size, collect } = spared
  collect()
  // what died while a collection was under way already is found by the next one only
  if (process.memoryUsage().heapUsed > LARGE) collect()
  const { heapUsed, external } = process.memoryUsage()
  const room = TIMES * size + BESIDE - heapUsed - external - ENGINE
  const growth = Math.round((100 * SHARE * room) / Math.max(heapUsed, EXPECTED * size))
  setFlagsFromString(`--heap-growing-percent=${Math.min(MOST_GROWTH, Math.max(LEAST_GROWTH, growth))}`)
}

/** percent of what is alive by which garbage may grow within a round of work that ends with `freeMemory` */
const ROUND_GROWTH = 60

/**
 * Collects garbage now, between two rounds of work: else what one round left is collected in the middle of the next. The engine, which was told to collect so often, would begin anew as soon
 * as the next round makes something (the copies of tables alone are enough), and takes longer over it than the round; so garbage may grow until the round is over.
 */
export function freeMemory(): void {
  collector()()
  setFlagsFromString(`--heap-growing-percent=${ROUND_GROWTH}`)
}

/** The engine shows its collector to contexts that are made after it was told to. */
function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
