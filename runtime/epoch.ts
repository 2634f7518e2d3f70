/**
 * An epoch: one full set of inner tables. In: the bytes of each table; out: pinned tables, filled off the path, then made visible by one
 * write in each map of maps. Such a write waits for a grace period, so the writes run side by side. Tables that a kept epoch has too are shared with it.
 * Invariant: an epoch that no record names is reachable by no program.
 */
import { closeSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { NAMES_CHUNK } from '../proto/abi.ts'
import { pinnedMemory } from './pinned-memory.ts'
import { ensureDirectory, namesIn, type Pins, removeTree } from './pins.ts'
import {
  arrayKeys,
  BPF_F_MMAPABLE,
  createMap,
  type Entries,
  mapInfo,
  memoryOf,
  readAll,
  remove,
  removeWaiting,
  u32,
  update,
  updateAll,
  updateWaiting,
} from './sys/libbpf-map.ts'
import { openPin, pin } from './sys/libbpf-pin.ts'
import { EPOCH_MAPS, innerShape, mapSpec } from './table-shape.ts'
import { offerShared, sharedPath, takeShared } from './shared-tables.ts'
import type { Tables } from './tables.ts'
import type { Undo } from './undo.ts'

/** Contents of one inner table; arrays have no keys. */
export interface TableContent {
  readonly map: string
  readonly keys?: Uint8Array
  readonly values: Uint8Array
}

/** Name of the extra pin that lists the stable ids of an epoch by local index, NAMES_CHUNK bytes a row. */
const STATE_LIST = 'states'

export interface BuiltEpoch {
  /** kernel memory by table, bytes */
  readonly memory: Readonly<Record<string, number>>
  /** of these, those that an epoch before has as well */
  readonly shared: readonly string[]
  /** milliseconds */
  readonly makeTime: number
  readonly fillTime: number
}

/** Makes and fills all tables of an epoch and pins them. Nothing sees them yet. */
export function buildEpoch(pins: Pins, epoch: number, contents: readonly TableContent[], ids: Uint32Array, undo: Undo): BuiltEpoch {
  const directory = pins.epoch(epoch)
  removeTree(directory)
  ensureDirectory(pins.epochs, undo)
  mkdirSync(directory)
  undo.add(`epoch ${epoch}`, () => removeTree(directory))
  const memory: Record<string, number> = {}
  const shared: string[] = []
  let makeTime = 0
  let fillTime = 0
  const build = (name: string, shape: Parameters<typeof createMap>[0], content: Omit<TableContent, 'map'>): void => {
    const start = performance.now()
    const path = join(directory, name)
    const common = sharedPath(pins, name, shape, content)
    if (takeShared(common, path, shape, content)) {
      shared.push(name)
      memory[name] = pinnedMemory(path)
      fillTime += performance.now() - start
      return
    }
    const fd = createMap(shape)
    const made = performance.now()
    try {
      const rows = content.values.length / shape.valueSize
      updateAll(fd, content.keys ?? arrayKeys(rows), content.values, rows)
      pin(fd, path)
      memory[name] = memoryOf(fd)
      offerShared(pins, common, path, undo)
    } finally {
      closeSync(fd)
    }
    makeTime += made - start
    fillTime += performance.now() - made
  }
  for (const content of contents) {
    const spec = mapSpec(content.map)
    const rows = content.values.length / (spec.inner?.valueSize ?? 1)
    build(content.map, innerShape(spec, rows + spareRows(content.map, rows)), content)
  }
  const list = Buffer.concat([padded(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength)), Buffer.alloc(NAMES_CHUNK)])
  build(
    STATE_LIST,
    {
      name: 'km_state_list',
      type: 'array',
      keySize: 4,
      valueSize: NAMES_CHUNK,
      maxEntries: list.length / NAMES_CHUNK,
      flags: BPF_F_MMAPABLE,
    },
    { values: list },
  )
  return { memory, shared, makeTime, fillTime }
}

const LEAST_SPARE = 64
const SPARE_SHARE = 8

/** Rows behind those that are filled: there a delta puts the new versions of clusters (runtime/delta). */
export function spareRows(map: string, rows: number): number {
  return map === 'km_endpoint' ? Math.max(LEAST_SPARE, Math.ceil(rows / SPARE_SHARE)) : 0
}

/** Puts an epoch's tables into the maps of maps. */
export async function showEpoch(pins: Pins, tables: Tables, epoch: number, undo: Undo): Promise<void> {
  undo.add(`tables of epoch ${epoch}`, () => {
    for (const spec of EPOCH_MAPS) remove(tables.fd(spec.name), u32(epoch))
  })
  await allDone(
    EPOCH_MAPS.map(async (spec) => {
      const inner = openPin(join(pins.epoch(epoch), spec.name))
      try {
        await updateWaiting(tables.fd(spec.name), u32(epoch), u32(inner))
      } finally {
        closeSync(inner)
      }
    }),
  )
}

/** Waits for all of them, also when one fails, so that nothing is under way when the failure is undone. */
async function allDone(writes: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(writes)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

/** Takes an epoch's tables out of the maps of maps and removes their pins. Returns after a grace period. */
export async function dropEpoch(pins: Pins, tables: Tables, epoch: number): Promise<void> {
  await allDone(EPOCH_MAPS.map((spec) => removeWaiting(tables.fd(spec.name), u32(epoch))))
  removeTree(pins.epoch(epoch))
}

/** Waits until every decision that began before has ended: writes the epoch's own table of names over itself, which does that. */
export async function waitGracePeriod(pins: Pins, tables: Tables, epoch: number): Promise<void> {
  const inner = openPin(join(pins.epoch(epoch), 'km_names'))
  try {
    await updateWaiting(tables.fd('km_names'), u32(epoch), u32(inner))
  } finally {
    closeSync(inner)
  }
}

/** The same, holding up the thread. */
export function awaitGracePeriod(pins: Pins, tables: Tables, epoch: number): void {
  const inner = openPin(join(pins.epoch(epoch), 'km_names'))
  try {
    update(tables.fd('km_names'), u32(epoch), u32(inner))
  } finally {
    closeSync(inner)
  }
}

/** Stable ids by local index of an epoch; empty when it is not there. */
export function readStateList(pins: Pins, epoch: number): Uint32Array {
  const path = join(pins.epoch(epoch), STATE_LIST)
  if (!existsSync(path)) return new Uint32Array(0)
  const bytes = readTable(pins, epoch, STATE_LIST, NAMES_CHUNK)
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
}

/** Epochs that have pins. */
export function pinnedEpochs(pins: Pins): readonly number[] {
  return namesIn(pins.epochs).map(Number)
}

/** Values of an array of an epoch, concatenated. */
export function readTable(pins: Pins, epoch: number, name: string, valueSize: number): Buffer {
  return readEntries(pins, epoch, name, 4, valueSize).values
}

/** Keys and values of a table of an epoch. */
export function readEntries(pins: Pins, epoch: number, name: string, keySize: number, valueSize: number): Entries {
  const fd = openPin(join(pins.epoch(epoch), name))
  try {
    return readAll(fd, keySize, valueSize, mapInfo(fd).maxEntries)
  } finally {
    closeSync(fd)
  }
}

/** Padded with zeros to whole chunks, at least one. */
export function padded(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(Math.max(1, Math.ceil(bytes.length / NAMES_CHUNK)) * NAMES_CHUNK)
  result.set(bytes)
  return result
}
