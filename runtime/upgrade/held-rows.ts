/**
 * Rows of maps that a runtime with other layouts made. In: its pins and layouts; out: what is in force there, rows of its shards, which rows its generations name. Nothing is changed.
 */
import { closeSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { GENERATION_LATEST, GENERATION_SLOT } from '../../proto/abi.ts'
import type { FieldLayout, LayoutsDocument, MapLayout } from '../../proto/map-layouts.ts'
import { pinnedEpochs } from '../epoch.ts'
import type { Pins } from '../pins.ts'
import { mapInfo, readAll } from '../sys/libbpf-map.ts'
import { openPin } from '../sys/libbpf-pin.ts'

export interface HeldInForce {
  readonly generation: number
  /** "sha256:..." */
  readonly artifact: string
  /** the latest number that a generation was given */
  readonly latest: number
}

/** Undefined: nothing is. */
export function heldInForce(pins: Pins, { maps }: LayoutsDocument): HeldInForce | undefined {
  const numbers = rowsOf(pins.map('km_generation'))
  const slot = numbers.readUInt32LE(GENERATION_SLOT * 4)
  const record = maps.km_record
  if (slot === 0 || record === undefined) return undefined
  const row = rowsOf(pins.map('km_record')).subarray(slot * record.valueSize, (slot + 1) * record.valueSize)
  return {
    generation: Number(row.readBigUInt64LE(offsetOf(record, 'generation'))),
    artifact: `sha256:${row.toString('hex', offsetOf(record, 'digest'), offsetOf(record, 'digest') + 32)}`,
    latest: numbers.readUInt32LE(GENERATION_LATEST * 4),
  }
}

/** State ids that any of its generations names. */
export function heldStates(pins: Pins): ReadonlySet<number> {
  const ids = new Set<number>()
  for (const epoch of pinnedEpochs(pins)) {
    const path = join(pins.epoch(epoch), 'states')
    if (!existsSync(path)) continue
    const list = rowsOf(path)
    for (let at = 0; at < list.length; at += 4) ids.add(list.readUInt32LE(at))
  }
  ids.delete(0)
  return ids
}

/** TCP connections whose place is counted. */
export function heldConnections(pins: Pins, { maps }: LayoutsDocument): number {
  const seats = maps.km_seats
  if (seats === undefined) return 0
  const rows = rowsOf(pins.map('km_seats'))
  const counted = offsetOf(seats, 'counted')
  let count = 0
  for (let at = 0; at < rows.length; at += seats.valueSize) if (rows.readUInt32LE(at + counted) === 1) count++
  return count
}

export function heldShard(pins: Pins, shard: number): Buffer {
  return rowsOf(pins.state(shard))
}

/** All values of a pinned array. */
function rowsOf(path: string): Buffer {
  const fd = openPin(path)
  try {
    const { valueSize, maxEntries } = mapInfo(fd)
    return readAll(fd, 4, valueSize, maxEntries).values
  } finally {
    closeSync(fd)
  }
}

export function offsetOf({ value = [] }: MapLayout, name: string): number {
  const field: FieldLayout | undefined = value.find((one) => one.name === name)
  if (field === undefined) throw new Error(`the rows of the instance have no field ${name}`)
  return field.offset
}
