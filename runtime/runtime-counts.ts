/**
 * What processes of the runtime count in the kernel's memory (km_runtime): results of applies, events of the node process. In: an instance; out: additions, one atomic store each, so that any number of processes may
 * count at the same time; numbers. Invariant: counting fails nothing: where there is no instance, nothing is counted.
 */
import { closeSync } from 'node:fs'
import { RUNTIME_COUNTERS, RUNTIME_REPLY, RUNTIME_WORDS, type RuntimeCounter } from '../proto/watching.ts'
import type { Pins } from './pins.ts'
import { existingPins } from './place.ts'
import { openPinIfThere } from './sys/libbpf-pin.ts'
import { mapMemory } from './sys/map-memory.ts'

export interface RuntimeCounts {
  add(counter: RuntimeCounter): void
  /** an answer of user space itself */
  addReply(status: number): void
  of(counter: RuntimeCounter): number
  /** answers by status */
  replies(): ReadonlyMap<number, number>
  /** Nothing is counted or read afterwards. */
  close(): void
}

/** null: there is nothing to count in. */
export function openRuntimeCounts(pins: Pins): RuntimeCounts | null {
  const fd = openPinIfThere(pins.map('km_runtime'))
  if (fd === null) return null
  let memory: ReturnType<typeof mapMemory> | undefined
  try {
    memory = mapMemory(fd, 8 * RUNTIME_WORDS)
  } finally {
    closeSync(fd)
  }
  const words = new BigUint64Array(memory.values.buffer, memory.values.byteOffset, RUNTIME_WORDS)
  const add = (word: number): void => {
    if (memory !== undefined && word < RUNTIME_WORDS) Atomics.add(words, word, 1n)
  }
  const of = (word: number): number => (memory === undefined ? 0 : Number(words[word]))
  return {
    add: (counter) => add(RUNTIME_COUNTERS[counter]),
    addReply: (status) => add(RUNTIME_REPLY + status),
    of: (counter) => of(RUNTIME_COUNTERS[counter]),
    replies() {
      const found = new Map<number, number>()
      for (let word = RUNTIME_REPLY; word < RUNTIME_WORDS; word++) if (of(word) > 0) found.set(word - RUNTIME_REPLY, of(word))
      return found
    },
    close() {
      memory?.unmap()
      memory = undefined
    },
  }
}

/** Opens an artifact for an instance: one that is refused as such, for its signature or its form, is counted. */
export function notingRefusal<T>(instance: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    noteResult(instance, 'artifact_refused')
    throw error
  }
}

/** The end of a change of what is in force, or of a holder: it has its outcome, whatever becomes of the count. */
export function noteResult(instance: string, counter: RuntimeCounter): void {
  try {
    const pins = existingPins(instance)?.pins
    if (pins !== undefined) noteResultAt(pins, counter)
  } catch {
    // there is no place for instances
  }
}

/** The same where the place is known. */
export function noteResultAt(pins: Pins, counter: RuntimeCounter): void {
  try {
    const counts = openRuntimeCounts(pins)
    counts?.add(counter)
    counts?.close()
  } catch {
    // an instance that is being taken away
  }
}
