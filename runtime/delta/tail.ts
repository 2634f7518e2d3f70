/**
 * The tables of an epoch that a delta writes into: spare rows at the end of km_endpoint, cells of km_cluster, the end of the list of state rows. In: the generation in force and those that are kept; out: what is spare,
 * and writes. They are mapped memory: none is a system call. Invariant: what a kept generation reads is not touched, and no later epoch will share these tables.
 */
import { closeSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { cluster as clusterLayout, NAMES_CHUNK, ROW_SIZE } from '../../proto/abi.ts'
import type { Delta } from '../../proto/delta/format.ts'
import { coded } from '../coded-error.ts'
import type { Pins } from '../pins.ts'
import type { GenerationRecord } from '../record.ts'
import { withdrawShared } from '../shared-tables.ts'
import { mapInfo } from '../sys/libbpf-map.ts'
import { openPin } from '../sys/libbpf-pin.ts'
import { storeBytes, withMapWindow } from '../sys/map-memory.ts'
import type { Undo } from '../undo.ts'
import type { PlacedOwners } from './owners.ts'
import { freeVersion, type NewVersion, readVersion, writeVersion } from './versions.ts'

/** The tables that are written, and where their spare rows begin: behind those of every kept generation that has the same table. */
export interface Tail {
  readonly endpoint: number
  readonly cluster: number
  readonly states: number
  readonly used: number
  readonly capacity: number
  /** numbers of kept generations that read the same heads */
  readonly readers: readonly bigint[]
  close(): void
}

export function openTail(pins: Pins, live: GenerationRecord, kept: readonly GenerationRecord[], undo: Undo): Tail {
  const files = new Map<string, number>()
  for (const name of ['km_endpoint', 'km_cluster', 'states']) {
    const path = tablePath(pins, live, name)
    const { ino, nlink } = statSync(path)
    if (nlink > 1) withdrawShared(pins, path, undo)
    files.set(name, ino)
  }
  const sharing = (name: string): readonly GenerationRecord[] => readersOf(pins, name, files.get(name), live, kept)
  const open: number[] = []
  const close = (): void => {
    for (const fd of open) closeSync(fd)
  }
  const opened = (name: string): number => {
    const fd = openPin(tablePath(pins, live, name))
    open.push(fd)
    return fd
  }
  try {
    const endpoint = opened('km_endpoint')
    return {
      endpoint,
      cluster: opened('km_cluster'),
      states: opened('states'),
      used: usedBy(sharing('km_endpoint')),
      capacity: mapInfo(endpoint).maxEntries,
      readers: sharing('km_cluster').map(({ generation }) => generation),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

/** Rows that deltas may still take. */
export function spareNow(pins: Pins, live: GenerationRecord, kept: readonly GenerationRecord[]): number {
  const path = tablePath(pins, live, 'km_endpoint')
  const fd = openPin(path)
  try {
    return mapInfo(fd).maxEntries - usedBy(readersOf(pins, 'km_endpoint', statSync(path).ino, live, kept))
  } finally {
    closeSync(fd)
  }
}

function tablePath(pins: Pins, { epoch }: GenerationRecord, name: string): string {
  return join(pins.epoch(epoch), name)
}

/** Those of `kept` that have the same table as `live`: pins of one table are one file. */
function readersOf(
  pins: Pins,
  name: string,
  file: number | undefined,
  live: GenerationRecord,
  kept: readonly GenerationRecord[],
): readonly GenerationRecord[] {
  return kept.filter(
    (record) => record.epoch === live.epoch || statSync(tablePath(pins, record, name), { throwIfNoEntry: false })?.ino === file,
  )
}

function usedBy(records: readonly GenerationRecord[]): number {
  return Math.max(...records.map(({ rows }) => rows))
}

/** New owners join the list of those that the epoch names, so that nobody else is given their rows. */
export function listStates({ states }: Tail, { given }: PlacedOwners, undo: Undo): void {
  if (given.length === 0) return
  const end = mapInfo(states).maxEntries * NAMES_CHUNK
  withMapWindow(states, end - NAMES_CHUNK, end, (chunk) => {
    let used = 0
    while (used < NAMES_CHUNK && chunk.getUint32(used, true) !== 0) used += 4
    if (used + given.length * 4 > NAMES_CHUNK) throw coded('KM9138', 'the list of state rows is full')
    undo.add('list of state rows', () => {
      withMapWindow(states, end - NAMES_CHUNK, end, (again) => storeBytes(again, used, new Uint8Array(given.length * 4)))
    })
    storeBytes(chunk, used, new Uint8Array(Uint32Array.from(given).buffer))
  })
}

/** Behind those that are used. */
export function writeRows({ endpoint, used }: Tail, { rows, relocations }: Delta, ids: Uint32Array, undo: Undo): void {
  if (rows.length === 0) return
  const from = used * ROW_SIZE
  const inSpare = (bytes: Uint8Array): void => withMapWindow(endpoint, from, from + rows.length, (spare) => storeBytes(spare, 0, bytes))
  undo.add('spare rows', () => inSpare(new Uint8Array(rows.length)))
  inSpare(relocated(rows, relocations, ids))
}

function relocated(rows: Uint8Array, relocations: Uint32Array, ids: Uint32Array): Buffer {
  const copy = Buffer.from(rows)
  for (const offset of relocations) copy.writeUInt32LE(ids[copy.readUInt32LE(offset)] as number, offset)
  return copy
}

/** One version of each cluster that the delta names, in a cell that no kept generation reads. All of them are found before the first is written. */
export function writeVersions({ cluster, readers, used }: Tail, { clusters }: Delta, generation: bigint, undo: Undo): void {
  if (clusters.length === 0) return
  const { size } = clusterLayout
  const indices = clusters.map(([index]) => index)
  const first = indices.reduce((least, index) => Math.min(least, index))
  const last = indices.reduce((most, index) => Math.max(most, index))
  if (last >= mapInfo(cluster).maxEntries) throw coded('KM9138', `there is no cluster ${last}`)
  const inHeads = (work: (heads: DataView) => void): void => withMapWindow(cluster, first * size, (last + 1) * size, work)
  inHeads((heads) => {
    const places = indices.map((index) => {
      const at = (index - first) * size
      const free = freeVersion(new Uint8Array(heads.buffer, heads.byteOffset + at, size), readers)
      if (free === null) throw coded('KM9138', `every version of cluster ${index} is still in use`)
      return at + free
    })
    const before = places.map((place) => readVersion(heads, place))
    undo.add('versions of clusters', () =>
      inHeads((again) => {
        for (const [at, place] of places.entries()) writeVersion(again, place, before[at] as NewVersion)
      }),
    )
    for (const [at, [, row, , tiers]] of clusters.entries())
      writeVersion(heads, places[at] as number, { generation, first: used + row, tiers })
  })
}
