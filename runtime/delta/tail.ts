/**
 * The tables of an epoch that a delta writes into: spare rows at the end of km_endpoint, cells of km_cluster, the end of the list of state rows. In: the generation in force and those that are kept; out: what is spare,
 * and writes, each one call. Invariant: what a kept generation reads is not touched, and no later epoch will share these tables.
 */
import { closeSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { cluster as clusterLayout, NAMES_CHUNK } from '../../proto/abi.ts'
import type { Delta } from '../../proto/delta/format.ts'
import { coded } from '../coded-error.ts'
import type { Pins } from '../pins.ts'
import type { GenerationRecord } from '../record.ts'
import { withdrawShared } from '../shared-tables.ts'
import { lookup, mapInfo, readAll, u32, update, updateAll } from '../sys/libbpf-map.ts'
import { openPin } from '../sys/libbpf-pin.ts'
import type { Undo } from '../undo.ts'
import type { PlacedOwners } from './owners.ts'
import { withVersion } from './versions.ts'

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

export function openTail(pins: Pins, live: GenerationRecord, kept: readonly GenerationRecord[]): Tail {
  const path = (record: GenerationRecord, name: string): string => join(pins.epoch(record.epoch), name)
  for (const name of ['km_endpoint', 'km_cluster', 'states'])
    if (statSync(path(live, name)).nlink > 1) withdrawShared(pins, path(live, name))
  const sharing = (name: string): readonly GenerationRecord[] => {
    const { ino } = statSync(path(live, name))
    return kept.filter((record) => record.epoch === live.epoch || statSync(path(record, name), { throwIfNoEntry: false })?.ino === ino)
  }
  const open: number[] = []
  const close = (): void => {
    for (const fd of open) closeSync(fd)
  }
  const opened = (name: string): number => {
    const fd = openPin(path(live, name))
    open.push(fd)
    return fd
  }
  try {
    const endpoint = opened('km_endpoint')
    return {
      endpoint,
      cluster: opened('km_cluster'),
      states: opened('states'),
      used: Math.max(...sharing('km_endpoint').map(({ rows }) => rows)),
      capacity: mapInfo(endpoint).maxEntries,
      readers: sharing('km_cluster').map(({ generation }) => generation),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

/** New owners join the list of those that the epoch names, so that nobody else is given their rows. */
export function listStates({ states }: Tail, { given }: PlacedOwners): void {
  if (given.length === 0) return
  const last = mapInfo(states).maxEntries - 1
  const chunk = Buffer.alloc(NAMES_CHUNK)
  lookup(states, u32(last), chunk)
  let end = 0
  while (end < NAMES_CHUNK && chunk.readUInt32LE(end) !== 0) end += 4
  if (end + given.length * 4 > NAMES_CHUNK) throw coded('KM9138', 'the list of state rows is full')
  for (const [at, id] of given.entries()) chunk.writeUInt32LE(id, end + at * 4)
  update(states, u32(last), chunk)
}

/** Behind those that are used, one batch. */
export function writeRows({ endpoint, used }: Tail, delta: Delta, ids: Uint32Array, count: number): void {
  updateAll(endpoint, rowKeys(used, count), relocated(delta, ids), count)
}

function rowKeys(from: number, count: number): Uint8Array {
  return new Uint8Array(Uint32Array.from({ length: count }, (_, row) => from + row).buffer)
}

function relocated({ rows, relocations }: Delta, ids: Uint32Array): Buffer {
  const copy = Buffer.from(rows)
  for (const offset of relocations) copy.writeUInt32LE(ids[copy.readUInt32LE(offset)] as number, offset)
  return copy
}

export function writeVersions({ cluster, readers, used }: Tail, { clusters }: Delta, generation: bigint, undo: Undo): void {
  if (clusters.length === 0) return
  const keys = Buffer.concat(clusters.map(([index]) => u32(index)))
  const before = Buffer.concat(
    headsOf(
      cluster,
      clusters.map(([index]) => index),
    ),
  )
  const heads = clusters.map(([index, first, , tiers], at) => {
    const head = before.subarray(at * clusterLayout.size, (at + 1) * clusterLayout.size)
    const made = withVersion(head, { generation, first: used + first, tiers }, readers)
    if (made === null) throw coded('KM9138', `every version of cluster ${index} is still in use`)
    return made
  })
  undo.add('versions of clusters', () => updateAll(cluster, keys, before, clusters.length))
  updateAll(cluster, keys, Buffer.concat(heads), clusters.length)
}

const FEW = 64

/** One by one where they are few, else the whole table at once. */
function headsOf(cluster: number, indices: readonly number[]): readonly Buffer[] {
  const count = mapInfo(cluster).maxEntries
  const beyond = indices.find((index) => index >= count)
  if (beyond !== undefined) throw coded('KM9138', `there is no cluster ${beyond}`)
  const { size } = clusterLayout
  if (indices.length > FEW) {
    const { values } = readAll(cluster, 4, size, count)
    return indices.map((index) => values.subarray(index * size, (index + 1) * size))
  }
  return indices.map((index) => {
    const head = Buffer.alloc(size)
    lookup(cluster, u32(index), head)
    return head
  })
}
