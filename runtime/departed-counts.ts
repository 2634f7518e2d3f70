/**
 * What a row of km_state has counted when it is about to be somebody else's: it moves to km_tally, so that no sum ever falls. In: an instance's pins, and ids of such rows: those that another owner gets, and
 * those whose own owner comes back after no kept generation showed it any more (until then its counts were shown as those of the departed, who would lose them).
 * Out: their counters are 0. Invariant: each count is in one place; the undo puts it back where it was.
 */
import { closeSync } from 'node:fs'
import { failureKey, STATE_SHARD_ROWS, state as layout } from '../proto/abi.ts'
import { OWNER_KEY_BYTES, ownerKindOf } from '../proto/owner-key.ts'
import { departedOwner, TALLY_CONNECTIONS, TALLY_FAILURES } from '../proto/watching.ts'
import { fieldOf, rowReader } from './field.ts'
import type { Pins } from './pins.ts'
import { rowOf, shardOf } from './states.ts'
import { lookup, readAll, take, update } from './sys/libbpf-map.ts'
import { openPin } from './sys/libbpf-pin.ts'
import { withMapMemory } from './sys/map-memory.ts'
import { type Additions, type OpenTally, withTally } from './tally.ts'
import type { Undo } from './undo.ts'

const COUNTERS = [
  [TALLY_CONNECTIONS, fieldOf(layout, 'connections').offset],
  [TALLY_FAILURES, fieldOf(layout, 'failures').offset],
] as const

/** One counter of one row: at a byte of it, or the entry of km_failure with this key. */
interface Moved {
  readonly id: number
  readonly owner: number
  readonly counter: number
  readonly amount: bigint
  readonly from: number | Buffer
}

/** How many counters were not 0. */
export function departCounts(pins: Pins, ids: ReadonlySet<number>, undo: Undo): number {
  if (ids.size === 0) return 0
  const moved = withTally(pins, (tally) => move(pins, ids, tally))
  if (moved.length > 0) undo.add('counts of owners that are gone', () => withTally(pins, (tally) => moveBack(pins, moved, tally)))
  return moved.length
}

function move(pins: Pins, ids: ReadonlySet<number>, tally: OpenTally): readonly Moved[] {
  const moved: Moved[] = []
  try {
    tally.moving(() => takeCounts(pins, ids, moved, tally))
  } catch (error) {
    putBack(pins, moved)
    throw error
  }
  return moved
}

/** `moved` gets what was taken, also when a call fails in between. */
function takeCounts(pins: Pins, ids: ReadonlySet<number>, moved: Moved[], tally: OpenTally): void {
  const owners = new Map<number, number>()
  eachRow(pins, ids, (id, row) => {
    const kind = ownerKindOf(row.subarray(0, OWNER_KEY_BYTES))
    if (kind === undefined) return
    const owner = departedOwner(kind, id)
    owners.set(id, owner)
    for (const [counter, from] of COUNTERS) {
      const amount = Atomics.exchange(wordAt(row, from), 0, 0n)
      if (amount > 0n) moved.push({ id, owner, counter, amount, from })
    }
  })
  withFailures(pins, (fd) => takeFailures(fd, owners, moved))
  tally.add(additions(moved, 1n))
}

function takeFailures(fd: number, owners: ReadonlyMap<number, number>, moved: Moved[]): void {
  const { keys, count } = readAll(fd, failureKey.size, 8, 4096)
  const read = rowReader(failureKey, keys)
  const value = Buffer.alloc(8)
  for (let i = 0; i < count; i++) {
    const at = i * failureKey.size
    const id = read.number(at, 'state')
    const owner = owners.get(id)
    if (owner === undefined) continue
    const key = Buffer.from(keys.subarray(at, at + failureKey.size))
    if (take(fd, key, value)) moved.push({ id, owner, counter: read.number(at, 'reason'), amount: value.readBigUInt64LE(0), from: key })
  }
}

function moveBack(pins: Pins, moved: readonly Moved[], tally: OpenTally): void {
  tally.moving(() => {
    tally.add(additions(moved, -1n))
    putBack(pins, moved)
  })
}

function putBack(pins: Pins, moved: readonly Moved[]): void {
  const byRow = new Map<number, Moved[]>()
  for (const one of moved) byRow.set(one.id, [...(byRow.get(one.id) ?? []), one])
  eachRow(pins, new Set(byRow.keys()), (id, row) => {
    for (const { from, amount } of byRow.get(id) ?? []) if (typeof from === 'number') Atomics.add(wordAt(row, from), 0, amount)
  })
  withFailures(pins, (fd) => {
    for (const { from, amount } of moved) {
      if (typeof from === 'number') continue
      const value = Buffer.alloc(8)
      lookup(fd, from, value)
      value.writeBigUInt64LE(value.readBigUInt64LE(0) + amount)
      update(fd, from, value)
    }
  })
}

function additions(moved: readonly Moved[], sign: bigint): Additions {
  return moved.map(({ owner, counter, amount }) => [owner, counter, Number(amount * sign)])
}

function eachRow(pins: Pins, ids: ReadonlySet<number>, visit: (id: number, row: Uint8Array) => void): void {
  for (const shard of new Set([...ids].map(shardOf))) {
    const fd = openPin(pins.state(shard))
    try {
      withMapMemory(fd, STATE_SHARD_ROWS * layout.size, (rows) => {
        for (const id of ids)
          if (shardOf(id) === shard) visit(id, new Uint8Array(rows.buffer, rows.byteOffset + rowOf(id) * layout.size, layout.size))
      })
    } finally {
      closeSync(fd)
    }
  }
}

function wordAt(row: Uint8Array, offset: number): BigUint64Array {
  return new BigUint64Array(row.buffer, row.byteOffset + offset, 1)
}

function withFailures(pins: Pins, work: (fd: number) => void): void {
  const fd = openPin(pins.map('km_failure'))
  try {
    work(fd)
  } finally {
    closeSync(fd)
  }
}
