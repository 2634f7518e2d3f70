/**
 * The well-known maps of one instance. In: its pins; out: open descriptors by map name.
 * Invariant: maps are made and pinned before anything is attached, because a prog array is emptied by the kernel when its last pin goes.
 */
import { closeSync, unlinkSync } from 'node:fs'
import { MAPS, type MapSpec } from '../proto/maps.ts'
import type { Pins } from './pins.ts'
import { loadStorageTypes } from './sys/libbpf-btf.ts'
import { createMap } from './sys/libbpf-map.ts'
import { openPinIfThere, pin } from './sys/libbpf-pin.ts'
import { mapMemory } from './sys/map-memory.ts'
import { innerShape, mapSpec, outerShape, STATE_MAP, stateShardShape } from './table-shape.ts'
import type { Undo } from './undo.ts'

const RECORD_MAPS = ['km_generation', 'km_record'] as const
type RecordMap = (typeof RECORD_MAPS)[number]

export interface Tables {
  /** by name, as objects declare them */
  readonly descriptors: ReadonlyMap<string, number>
  fd(name: string): number
  /** what says which generation is in force is mapped from the beginning, so that reading and writing it cannot fail: values, each at a multiple of 8 bytes, until `close` */
  memory(name: RecordMap): DataView
  close(): void
}

/** Makes and pins all of them. */
export function createTables(pins: Pins, undo: Undo): Tables {
  const descriptors = new Map<string, number>()
  try {
    for (const spec of MAPS) {
      const fd = createTable(spec)
      descriptors.set(spec.name, fd)
      pin(fd, pins.map(spec.name))
      undo.add(`map ${spec.name}`, () => unlinkSync(pins.map(spec.name)))
    }
  } catch (error) {
    closeAll(descriptors)
    throw error
  }
  return tables(descriptors)
}

/** Opens them; null when one of the pins is missing. */
export function openTables(pins: Pins): Tables | null {
  return openMaps(
    pins,
    MAPS.map(({ name }) => name),
  )
}

/** Some of them by name; null when one of the pins is missing. */
export function openMaps(pins: Pins, names: readonly string[]): Tables | null {
  const descriptors = new Map<string, number>()
  try {
    for (const name of names) {
      const fd = openPinIfThere(pins.map(name))
      if (fd === null) {
        closeAll(descriptors)
        return null
      }
      descriptors.set(name, fd)
    }
  } catch (error) {
    closeAll(descriptors)
    throw error
  }
  return tables(descriptors)
}

/** A well-known map that nothing pins yet. */
export function createTable(spec: MapSpec): number {
  const shape = outerShape(spec)
  if (spec.type === 'array_of_maps') {
    const innerFd = createMap(spec.name === STATE_MAP ? stateShardShape() : innerShape(spec, 1))
    try {
      return createMap({ ...shape, innerFd })
    } finally {
      closeSync(innerFd)
    }
  }
  if (spec.type === 'sk_storage') {
    const btf = loadStorageTypes(spec.valueSize)
    try {
      return createMap({ ...shape, btf })
    } finally {
      closeSync(btf.fd)
    }
  }
  return createMap(shape)
}

function tables(descriptors: Map<string, number>): Tables {
  const memories = mapRecords(descriptors)
  const fd = (name: string): number => {
    const found = descriptors.get(name)
    if (found === undefined) throw new Error(`no map ${name}`)
    return found
  }
  return {
    descriptors,
    fd,
    memory: (name) => {
      const known = memories.get(name)
      if (known === undefined) throw new Error(`no memory of ${name}`)
      return known.values
    },
    close: () => {
      for (const { unmap } of memories.values()) unmap()
      memories.clear()
      closeAll(descriptors)
    },
  }
}

/** Those of them that are open. Closes all when one cannot be mapped. */
function mapRecords(descriptors: Map<string, number>): Map<RecordMap, ReturnType<typeof mapMemory>> {
  const memories = new Map<RecordMap, ReturnType<typeof mapMemory>>()
  try {
    for (const name of RECORD_MAPS) {
      const fd = descriptors.get(name)
      const { valueSize, maxEntries } = mapSpec(name)
      if (fd !== undefined) memories.set(name, mapMemory(fd, Math.ceil(valueSize / 8) * 8 * maxEntries))
    }
    return memories
  } catch (error) {
    for (const { unmap } of memories.values()) unmap()
    closeAll(descriptors)
    throw error
  }
}

function closeAll(descriptors: Map<string, number>): void {
  for (const fd of descriptors.values()) closeSync(fd)
  descriptors.clear()
}
