/**
 * Rows of km_state under another layout, at the same ids. In: the pins of both, the fate of the map; out: shards, filled, in the new map; later what the old programs counted meanwhile is added.
 * Invariant: what is counted is counted once: rows are copied while the old programs count on, and when those have ended the difference to the copy is added to what the new ones counted.
 * A row that got another owner meanwhile is not touched.
 */
import { closeSync, linkSync, unlinkSync } from 'node:fs'
import { STATE_SHARD_ROWS, state as layout } from '../../proto/abi.ts'
import { type LayoutsDocument, layoutsDocument, type MapLayout } from '../../proto/map-layouts.ts'
import { fieldOf } from '../field.ts'
import { ensureDirectory, type Pins } from '../pins.ts'
import { shardCount } from '../state-shards.ts'
import { arrayKeys, createMap, u32, update, updateAll } from '../sys/libbpf-map.ts'
import { openPin, pin } from '../sys/libbpf-pin.ts'
import { withMapMemory } from '../sys/map-memory.ts'
import { stateShardShape } from '../table-shape.ts'
import type { Undo } from '../undo.ts'
import { type Fates, innerForm } from './fates.ts'
import { heldShard } from './held-rows.ts'
import { moveRows, type RowForm } from './move-rows.ts'

/** Of sockets that are open, and sums. A cursor is a position: the copy of it will do. */
const GAUGE = 'active'
const SUMS = ['connections', 'failures']
const KEY = fieldOf(layout, 'key')
const GAUGE_AT = fieldOf(layout, GAUGE).offset

export interface MovedStates {
  /** once no old program runs any more: adds what they counted since the copy */
  catchUp(): void
  /** once no new program runs any more: adds what they counted to the old rows */
  goBack(): void
}

const NOTHING: MovedStates = { catchUp: () => undefined, goBack: () => undefined }

export function moveStates(old: Pins, made: Pins, held: LayoutsDocument, fates: Fates, map: number, undo: Undo): MovedStates {
  const fate = fates.of.get('km_state')
  if (fate === 'lost') return NOTHING
  ensureDirectory(made.states, undo)
  const count = shardCount(old)
  if (fate === 'shared') {
    for (let shard = 0; shard < count; shard++) linkSync(old.state(shard), made.state(shard))
    undo.add('shards of state rows', () => removeShards(made, count))
    return NOTHING
  }
  const [from, to] = [innerForm(held.maps.km_state as MapLayout), innerForm(layoutsDocument().maps.km_state as MapLayout)]
  const copies = Array.from({ length: count }, (_, shard) => moveRows(heldShard(old, shard), from, to))
  undo.add('shards of state rows', () => removeShards(made, count))
  for (const [shard, rows] of copies.entries())
    makeShard(made.state(shard), fates.sockets === 'known' ? rows : without(rows, to), map, shard)
  let known = copies
  return {
    catchUp: () => {
      const now = copies.map((_, shard) => moveRows(heldShard(old, shard), from, to))
      for (const [shard, rows] of now.entries()) addDifferences(made.state(shard), to, known[shard] as Buffer, rows, fates.sockets)
      known = now
    },
    goBack: () => {
      if (fates.sockets === 'strangers') return
      for (const [shard, before] of known.entries()) addDifferences(old.state(shard), from, before, heldShard(made, shard), fates.sockets)
    },
  }
}

function makeShard(path: string, rows: Uint8Array, map: number, shard: number): void {
  const fd = createMap(stateShardShape())
  try {
    updateAll(fd, arrayKeys(STATE_SHARD_ROWS), rows, STATE_SHARD_ROWS)
    pin(fd, path)
    update(map, u32(shard), u32(fd))
  } finally {
    closeSync(fd)
  }
}

function removeShards(pins: Pins, count: number): void {
  for (let shard = 0; shard < count; shard++) unlinkSync(pins.state(shard))
}

/** Nobody will give back what strangers hold. */
function without(rows: Buffer, { size }: RowForm): Buffer {
  const cleared = Buffer.from(rows)
  for (let at = 0; at < cleared.length; at += size) cleared.writeUInt32LE(0, at + GAUGE_AT)
  return cleared
}

/** To the rows at `path`, laid out as `form`, what `now` has more than `before`, both in our layout. */
function addDifferences(path: string, form: RowForm, before: Buffer, now: Buffer, sockets: Fates['sockets']): void {
  if (now.equals(before)) return
  const placeIn = (name: string): number => form.fields.find((field) => field.name === name)?.offset ?? Number.NaN
  const fd = openPin(path)
  try {
    withMapMemory(fd, STATE_SHARD_ROWS * form.size, (rows) => {
      for (let row = 0; row < STATE_SHARD_ROWS; row++) {
        const [at, into] = [row * layout.size, row * form.size]
        const was = before.subarray(at, at + layout.size)
        const is = now.subarray(at, at + layout.size)
        if (is.equals(was) || !sameOwner(is, was) || !sameOwner(is, bytesAt(rows, into + placeIn('key')))) continue
        if (sockets === 'known') addWord(rows, into + placeIn(GAUGE), is.readUInt32LE(GAUGE_AT) - was.readUInt32LE(GAUGE_AT))
        for (const name of SUMS) {
          const { offset } = fieldOf(layout, name)
          const more = is.readBigUInt64LE(offset) - was.readBigUInt64LE(offset)
          if (more > 0n) addLong(rows, into + placeIn(name), more)
        }
      }
    })
  } finally {
    closeSync(fd)
  }
}

function sameOwner(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a.subarray(KEY.offset, KEY.offset + KEY.count), b.subarray(0, KEY.count)) === 0
}

const bytesAt = (rows: DataView, at: number): Uint8Array => new Uint8Array(rows.buffer, rows.byteOffset + at, KEY.count)

/** Programs count at the same moment. */
function addWord(rows: DataView, at: number, more: number): void {
  Atomics.add(new Uint32Array(rows.buffer, rows.byteOffset + at, 1), 0, more)
}

function addLong(rows: DataView, at: number, more: bigint): void {
  Atomics.add(new BigUint64Array(rows.buffer, rows.byteOffset + at, 1), 0, more)
}
