/**
 * The rows of km_state in the kernel: shards of one size, pinned one by one. In: pins and open tables; out: rows as one buffer by state id.
 * Invariants: at most one shard is open at a time; a shard that is made is filled before it becomes visible; claimed rows are given back on undo.
 */
import { closeSync, unlinkSync } from 'node:fs'
import { STATE_SHARD_ROWS, state as layout } from '../proto/abi.ts'
import { put } from '../proto/layout.ts'
import { fieldOf } from './field.ts'
import { ensureDirectory, namesIn, type Pins } from './pins.ts'
import { rowOf, type StatePlan, shardOf } from './states.ts'
import { arrayKeys, createMap, readAll, remove, u32, updateAll } from './sys/libbpf-map.ts'
import { openPin, pin } from './sys/libbpf-pin.ts'
import { withMapMemory } from './sys/map-memory.ts'
import { stateShardShape } from './table-shape.ts'
import type { Tables } from './tables.ts'
import type { Undo } from './undo.ts'

const SHARD_BYTES = STATE_SHARD_ROWS * layout.size
const CURSOR = fieldOf(layout, 'cursor')

export function shardCount(pins: Pins): number {
  return namesIn(pins.states).length
}

/** All rows, concatenated: row `id` at `id * layout.size`. Counters move on while it is read. */
export function readStates(pins: Pins): Buffer {
  const count = shardCount(pins)
  const rows = Buffer.alloc(count * SHARD_BYTES)
  for (let shard = 0; shard < count; shard++) {
    withShard(pins, shard, (fd) => {
      readAll(fd, 4, layout.size, STATE_SHARD_ROWS).values.copy(rows, shard * SHARD_BYTES)
    })
  }
  return rows
}

/** Makes the new shards and gives the claimed rows to their owners. `before`: the rows as they were read. */
export function writeStates(pins: Pins, tables: Tables, plan: StatePlan, before: Uint8Array, undo: Undo): void {
  claimRows(pins, plan, before, undo)
  const count = plan.newShards.length / SHARD_BYTES
  if (count === 0) return
  ensureDirectory(pins.states, undo)
  const made: number[] = []
  try {
    for (let i = 0; i < count; i++) {
      const fd = createMap(stateShardShape())
      made.push(fd)
      updateAll(fd, arrayKeys(STATE_SHARD_ROWS), plan.newShards.subarray(i * SHARD_BYTES, (i + 1) * SHARD_BYTES), STATE_SHARD_ROWS)
      const path = pins.state(plan.shards + i)
      pin(fd, path)
      undo.add('state shard', () => unlinkSync(path))
    }
    const keys = Buffer.concat(made.map((_, i) => u32(plan.shards + i)))
    undo.add('new state shards', () => {
      for (let i = 0; i < count; i++) remove(tables.fd('km_state'), u32(plan.shards + i))
    })
    updateAll(tables.fd('km_state'), keys, Buffer.concat(made.map(u32)), count)
  } finally {
    for (const fd of made) closeSync(fd)
  }
}

function claimRows(pins: Pins, plan: StatePlan, before: Uint8Array, undo: Undo): void {
  for (let start = 0; start < plan.claimed.length; ) {
    const shard = shardOf(plan.claimed[start] as number)
    let end = start
    while (end < plan.claimed.length && shardOf(plan.claimed[end] as number) === shard) end++
    const ids = plan.claimed.slice(start, end)
    const keys = Buffer.concat(ids.map((id) => u32(rowOf(id))))
    const old = Buffer.concat(ids.map((id) => before.subarray(id * layout.size, (id + 1) * layout.size)))
    const write = (rows: Uint8Array): void => withShard(pins, shard, (fd) => updateAll(fd, keys, rows, ids.length))
    undo.add(`rows of state shard ${shard}`, () => write(old))
    write(plan.claimedRows.subarray(start * layout.size, end * layout.size))
    start = end
  }
}

/**
 * Tells the programs which endpoints have left (their cursor is 1): unconnected UDP sockets then ask anew (bpf/lib/flow.h). Live counts beside it move on.
 */
export function markDepartures(pins: Pins, staying: ReadonlySet<number>, left: ReadonlySet<number>): void {
  for (let shard = 0; shard < shardCount(pins); shard++) {
    withShard(pins, shard, (fd) => {
      withMapMemory(fd, SHARD_BYTES, (rows) => {
        const mark = (ids: ReadonlySet<number>, value: bigint): void => {
          for (const id of ids) if (shardOf(id) === shard) put(rows, rowOf(id) * layout.size, CURSOR, value)
        }
        mark(staying, 0n)
        mark(left, 1n)
      })
    })
  }
}

function withShard(pins: Pins, shard: number, work: (fd: number) => void): void {
  const fd = openPin(pins.state(shard))
  try {
    work(fd)
  } finally {
    closeSync(fd)
  }
}
