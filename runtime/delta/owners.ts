/**
 * State rows for the owners that a delta names. In: their keys and the shards in the kernel; out: stable ids by local index. Those that have a row keep it; the others get one that nobody has. A process that goes on
 * remembers who has which row, as an instance may have a hundred thousand and a delta names a few.
 * Invariant: a row is given only when nobody owns it and nothing is counted on it.
 */
import { closeSync } from 'node:fs'
import { state as layout } from '../../proto/abi.ts'
import { fieldOf } from '../field.ts'
import { createOwnerIndex, type OwnerIndex } from '../owner-index.ts'
import type { Pins } from '../pins.ts'
import { readStates } from '../state-shards.ts'
import { rowOf, shardOf } from '../states.ts'
import { openPin } from '../sys/libbpf-pin.ts'
import { withMapWindow } from '../sys/map-memory.ts'
import type { Undo } from '../undo.ts'

const ROW_WORDS = layout.size / 4
const KEY_WORDS = 4
const KEY_BYTES = KEY_WORDS * 4
const INCARNATION = fieldOf(layout, 'incarnation').offset / 4
const ACTIVE = fieldOf(layout, 'active').offset / 4

export interface PlacedOwners {
  /** by local index; 0 is 0 */
  readonly ids: Uint32Array
  /** that were given now, ascending */
  readonly given: readonly number[]
}

/** What a process that makes many deltas remembers. It holds as long as nobody else makes a generation: only that gives rows away. */
interface Remembered {
  /** the latest number that was given when it was looked up */
  readonly latest: bigint
  readonly index: OwnerIndex
  /** owners that were given a row since, by key as hex */
  readonly since: Map<string, number>
  /** rows that nobody has, from place `used` on */
  readonly free: readonly number[]
  readonly used: number
}

/** By id of an instance's km_generation. */
const remembered = new Map<number, Remembered>()

export interface OwnerPlace {
  readonly pins: Pins
  /** id of km_generation */
  readonly instance: number
  /** the latest number that was given, before this delta's own */
  readonly latest: bigint
}

/** null: there are not enough rows. Nothing is written yet. */
export function placeOwners(place: OwnerPlace, keys: Uint8Array): PlacedOwners | null {
  const words = new Uint32Array(Uint8Array.from(keys).buffer)
  const count = words.length / KEY_WORDS
  const { index, since, free, used } = recall(place)
  const ids = new Uint32Array(count)
  const given: number[] = []
  for (let local = 1; local < count; local++) {
    const known = since.get(keyText(keys, local)) ?? index.find(words, local * KEY_WORDS)
    if (known > 0) {
      ids[local] = known
      continue
    }
    const id = free[used + given.length]
    if (id === undefined) return null
    ids[local] = id
    given.push(id)
  }
  return { ids, given }
}

/** Looks up what `placeOwners` would; nothing where it is remembered. */
export function learnOwners(place: OwnerPlace): void {
  recall(place)
}

/** The generation is in force: the next delta begins where this one ends. */
export function rememberOwners({ instance }: OwnerPlace, latest: bigint, keys: Uint8Array, { ids, given }: PlacedOwners): void {
  const before = remembered.get(instance)
  if (before === undefined) return
  const fresh = new Set(given)
  for (const [local, id] of ids.entries()) if (fresh.has(id)) before.since.set(keyText(keys, local), id)
  remembered.set(instance, { ...before, latest, used: before.used + given.length })
}

function recall({ pins, instance, latest }: OwnerPlace): Remembered {
  const known = remembered.get(instance)
  if (known !== undefined && known.latest === latest) return known
  const bytes = readStates(pins)
  const rows = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  const free: number[] = []
  for (let id = 1; id * ROW_WORDS < rows.length; id++) if (isFree(rows, id * ROW_WORDS)) free.push(id)
  const fresh: Remembered = { latest, index: createOwnerIndex(rows, ROW_WORDS), since: new Map(), free, used: 0 }
  remembered.set(instance, fresh)
  return fresh
}

function keyText(keys: Uint8Array, local: number): string {
  return Buffer.from(keys.buffer, keys.byteOffset + local * KEY_BYTES, KEY_BYTES).toString('hex')
}

/** Writes the keys of the owners that were given a row. */
export function claimOwners(pins: Pins, keys: Uint8Array, { ids, given }: PlacedOwners, undo: Undo): void {
  if (given.length === 0) return
  const words = new Uint32Array(Uint8Array.from(keys).buffer)
  const locals = new Map([...ids].map((id, local) => [id, local]))
  undo.add('owners of state rows', () => {
    for (const id of given) withRow(pins, id, (row) => row.fill(0, 0, KEY_WORDS))
  })
  for (const id of given) {
    const local = locals.get(id) as number
    withRow(pins, id, (row) => {
      const incarnation = (row[INCARNATION] as number) + 1
      row.fill(0)
      row[INCARNATION] = incarnation
      row.set(words.subarray(local * KEY_WORDS, (local + 1) * KEY_WORDS))
    })
  }
}

/** Only the pages with the row are mapped: to V8 a whole shard is memory that it has to collect. */
function withRow(pins: Pins, id: number, work: (row: Uint32Array) => void): void {
  const fd = openPin(pins.state(shardOf(id)))
  try {
    withMapWindow(fd, rowOf(id) * layout.size, (rowOf(id) + 1) * layout.size, (row) =>
      work(new Uint32Array(row.buffer, row.byteOffset, ROW_WORDS)),
    )
  } finally {
    closeSync(fd)
  }
}

function isFree(rows: Uint32Array, at: number): boolean {
  for (let word = 0; word < KEY_WORDS; word++) if (rows[at + word] !== 0) return false
  return rows[at + ACTIVE] === 0
}
