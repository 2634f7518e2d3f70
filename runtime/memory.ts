/** Kernel memory of pinned maps, as the kernel charges it. In: pins; out: bytes. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { MAPS } from '../proto/maps.ts'
import { pinnedEpochs } from './epoch.ts'
import { pinnedMemory } from './pinned-memory.ts'
import { namesIn, type Pins } from './pins.ts'
import { shardCount } from './state-shards.ts'

export interface InstanceMemory {
  /** tables of all generations that are kept */
  readonly tables: number
  /** rows of km_state */
  readonly state: number
  /** what does not grow with the configuration */
  readonly constant: number
}

export function instanceMemory(pins: Pins): InstanceMemory {
  const paths = pinnedEpochs(pins).flatMap((epoch) => namesIn(pins.epoch(epoch)).map((name) => join(pins.epoch(epoch), name)))
  // pins of one table, which epochs share, are one file
  const once = new Map(paths.map((path) => [statSync(path).ino, path]))
  return {
    tables: [...once.values()].map(pinnedMemory).reduce((sum, bytes) => sum + bytes, 0),
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
