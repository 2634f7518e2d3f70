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
import { innerShape, outerShape, STATE_MAP, stateShardShape } from './table-shape.ts'
import type { Undo } from './undo.ts'

export interface Tables {
  /** by name, as objects declare them */
  readonly descriptors: ReadonlyMap<string, number>
  fd(name: string): number
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

function createTable(spec: MapSpec): number {
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
  return {
    descriptors,
    fd: (name) => {
      const fd = descriptors.get(name)
      if (fd === undefined) throw new Error(`no map ${name}`)
      return fd
    },
    close: () => closeAll(descriptors),
  }
}

function closeAll(descriptors: Map<string, number>): void {
  for (const fd of descriptors.values()) closeSync(fd)
  descriptors.clear()
}
