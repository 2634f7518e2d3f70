/** Kernel memory of pinned maps, as the kernel charges it. In: pins; out: bytes. */
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { MAPS } from '../proto/maps.ts'
import { pinnedEpochs } from './epoch.ts'
import { namesIn, type Pins } from './pins.ts'
import { shardCount } from './state-shards.ts'
import { memoryOf } from './sys/libbpf-map.ts'
import { openPinIfThere } from './sys/libbpf-pin.ts'

export interface InstanceMemory {
  /** tables of all generations that are kept */
  readonly tables: number
  /** rows of km_state */
  readonly state: number
  /** what does not grow with the configuration */
  readonly constant: number
}

/** 0 where nothing is pinned. */
export function pinnedMemory(path: string): number {
  const fd = openPinIfThere(path)
  if (fd === null) return 0
  try {
    return memoryOf(fd)
  } finally {
    closeSync(fd)
  }
}

export function instanceMemory(pins: Pins): InstanceMemory {
  const directories = pinnedEpochs(pins).map((epoch) => pins.epoch(epoch))
  return {
    tables: directories
      .flatMap((directory) => namesIn(directory).map((name) => pinnedMemory(join(directory, name))))
      .reduce((sum, bytes) => sum + bytes, 0),
    state: stateMemory(pins),
    constant: constantMemory(pins),
  }
}

/** All shards are of one size. */
export function stateMemory(pins: Pins): number {
  return pinnedMemory(pins.state(0)) * shardCount(pins)
}

export function constantMemory(pins: Pins): number {
  return MAPS.reduce((sum, spec) => sum + pinnedMemory(pins.map(spec.name)), 0)
}
