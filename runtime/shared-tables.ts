/**
 * Tables that epochs share. In: what an inner table shall hold; out: the pin of a table that holds exactly that, where one is there, so that a generation
 * which is like one that is kept costs no memory. A table is found by the digest of its shape and content, and compared before it is taken, as somebody
 * may have changed it since. Each is one file with a name here and one in every epoch that has it (hard links), so the number of links says whether it is used.
 * Invariant: what is here is filled, and never written again.
 */
import { createHash } from 'node:crypto'
import { closeSync, linkSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDirectory, namesIn, type Pins } from './pins.ts'
import { type MapShape, readAll } from './sys/libbpf-map.ts'
import { openPinIfThere } from './sys/libbpf-pin.ts'
import type { Undo } from './undo.ts'

export interface TableRows {
  /** of hashes and tries */
  readonly keys?: Uint8Array
  readonly values: Uint8Array
}

const DIGEST_CHARACTERS = 24

/** Where a table of this name, shape and content is, if it is anywhere. */
export function sharedPath(pins: Pins, name: string, shape: MapShape, { keys, values }: TableRows): string {
  const hash = createHash('sha256')
  const { type, keySize, valueSize, maxEntries, flags = 0 } = shape
  hash.update(JSON.stringify([type, keySize, valueSize, maxEntries, flags, keys?.length ?? 0, values.length]))
  if (keys !== undefined) hash.update(keys)
  hash.update(values)
  return join(pins.tables, `${name}_${hash.digest('hex').slice(0, DIGEST_CHARACTERS)}`)
}

/** Puts the table at `path` under a second name into an epoch. False when there is none, or when it no longer holds what it is named by. */
export function takeShared(path: string, into: string, shape: MapShape, rows: TableRows): boolean {
  const fd = openPinIfThere(path)
  if (fd === null) return false
  try {
    if (!holds(fd, shape, rows)) {
      unlinkSync(path)
      return false
    }
  } finally {
    closeSync(fd)
  }
  linkSync(path, into)
  return true
}

/** Lets later epochs find a table of this one. */
export function offerShared(pins: Pins, path: string, from: string, undo: Undo): void {
  ensureDirectory(pins.tables, undo)
  linkSync(from, path)
  undo.add(`name of a table of ${path}`, () => unlinkSync(path))
}

/** Takes a table out of what later epochs find, because it is about to be written. Undone, it holds what it held before. */
export function withdrawShared(pins: Pins, from: string, undo?: Undo): void {
  const { ino } = statSync(from)
  for (const name of namesIn(pins.tables)) {
    const path = join(pins.tables, name)
    if (statSync(path).ino !== ino) continue
    unlinkSync(path)
    undo?.add(`name of a table of ${path}`, () => linkSync(from, path))
  }
}

/** Forgets the tables that no epoch has any more. */
export function dropUnshared(pins: Pins): void {
  for (const name of namesIn(pins.tables)) {
    const path = join(pins.tables, name)
    if (statSync(path).nlink === 1) unlinkSync(path)
  }
}

function holds(fd: number, shape: MapShape, { keys, values }: TableRows): boolean {
  const { keySize, valueSize, maxEntries } = shape
  const held = readAll(fd, keySize, valueSize, maxEntries)
  if (keys === undefined) {
    // an array has every row, those that nobody filled are zero
    const rest = held.values.subarray(values.length)
    return held.values.subarray(0, values.length).equals(values) && rest.equals(Buffer.alloc(rest.length))
  }
  if (held.count !== keys.length / keySize) return false
  const wanted = new Map<string, number>()
  const text = Buffer.from(keys.buffer, keys.byteOffset, keys.byteLength)
  for (let row = 0; row < held.count; row++) wanted.set(text.toString('latin1', row * keySize, (row + 1) * keySize), row)
  for (let row = 0; row < held.count; row++) {
    const other = wanted.get(held.keys.toString('latin1', row * keySize, (row + 1) * keySize))
    if (other === undefined) return false
    const value = held.values.subarray(row * valueSize, (row + 1) * valueSize)
    if (!value.equals(values.subarray(other * valueSize, (other + 1) * valueSize))) return false
  }
  return true
}
