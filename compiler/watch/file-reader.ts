/**
 * Reads files that are read again and again. In: names. Out: their bytes: the same array while a file is as it was, else one of two that belong to the file and take
 * turns, since making room for a large file takes longer than reading it.
 * Invariant: what was kept last is never written; what was read since, and not kept, is overwritten by the next read.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { identityOf, isFresh } from './identity.ts'

export interface FileReader {
  read(name: string | number): Uint8Array
  /** what was read last is what to compare with from now on */
  keep(): void
}

interface Held {
  readonly bytes: Uint8Array
  /** undefined: changed so lately that another change may look the same */
  readonly identity: string | undefined
}

const SPARE = 1 << 16

export function createFileReader(): FileReader {
  const kept = new Map<string | number, Held>()
  const latest = new Map<string | number, Held>()
  const spare = new Map<string | number, Uint8Array>()

  return {
    read(name) {
      const file = typeof name === 'number' ? name : openSync(name, 'r')
      try {
        const stat = fstatSync(file, { bigint: true })
        const identity = identityOf(stat)
        const held = kept.get(name)
        if (held !== undefined && held.identity === identity) {
          latest.delete(name)
          return held.bytes
        }
        const room = spare.get(name) ?? new Uint8Array(0)
        const filled = fill(file, Number(stat.size), room)
        spare.set(name, filled.room)
        const fresh = isFresh(stat) || identityOf(fstatSync(file, { bigint: true })) !== identity
        const bytes = filled.room.subarray(0, filled.size)
        latest.set(name, { bytes, identity: fresh ? undefined : identity })
        return bytes
      } finally {
        if (typeof name !== 'number') closeSync(file)
      }
    },
    keep() {
      for (const [name, held] of latest) {
        const before = kept.get(name)
        kept.set(name, held)
        if (before === undefined) spare.delete(name)
        else spare.set(name, new Uint8Array(before.bytes.buffer))
      }
      latest.clear()
    },
  }
}

/** Until the end, whatever its size was when it was asked. */
function fill(file: number, expected: number, given: Uint8Array): { readonly room: Uint8Array; readonly size: number } {
  let room = given.length > expected ? given : new Uint8Array(expected + (expected >> 3) + SPARE)
  let size = 0
  for (;;) {
    if (size === room.length) {
      const larger = new Uint8Array(room.length * 2)
      larger.set(room)
      room = larger
    }
    const got = readSync(file, room, size, room.length - size, size)
    if (got === 0) return { room, size }
    size += got
  }
}
