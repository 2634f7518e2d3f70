/**
 * Versions of clusters: the cells of their heads (proto/abi.ts, km_cell). In: heads as the kernel holds them, and the numbers of the generations that are kept; out: heads with a new version, or without
 * versions that belong to nobody. Invariant: a cell that some kept generation reads is never changed.
 */
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { CLUSTER_CELLS, cell as cellLayout, cluster as clusterLayout } from '../../proto/abi.ts'
import { put } from '../../proto/layout.ts'
import { fieldOf, rowReader, viewOf } from '../field.ts'
import type { Pins } from '../pins.ts'
import { mapInfo, readAll, u32, updateAll } from '../sys/libbpf-map.ts'
import { openPin } from '../sys/libbpf-pin.ts'

const CELLS = fieldOf(clusterLayout, 'cells').offset

export interface NewVersion {
  readonly generation: bigint
  /** first row */
  readonly first: number
  readonly tiers: number
}

/** A copy of `head` with one more version; null when each of its cells is read by a kept generation. */
export function withVersion(head: Uint8Array, version: NewVersion, kept: readonly bigint[]): Buffer | null {
  const read = new Set(kept.map((generation) => newest(head, generation)))
  for (let index = 0; index < CLUSTER_CELLS; index++) {
    if (read.has(index)) continue
    const copy = Buffer.from(head)
    const at = CELLS + index * cellLayout.size
    const view = viewOf(copy)
    put(view, at, fieldOf(cellLayout, 'generation'), version.generation)
    put(view, at, fieldOf(cellLayout, 'first'), version.first)
    put(view, at, fieldOf(cellLayout, 'tiers'), version.tiers)
    return copy
  }
  return null
}

/** The cell that a generation reads; -1: none. */
function newest(head: Uint8Array, generation: bigint): number {
  const read = rowReader(cellLayout, head)
  let best = -1
  let made = 0n
  for (let index = 0; index < CLUSTER_CELLS; index++) {
    const own = read.big(CELLS + index * cellLayout.size, 'generation')
    if (own === 0n || own > generation || own < made) continue
    made = own
    best = index
  }
  return best
}

/**
 * Empties all cells of an epoch that are newer than `newestKept`: of a delta that was cut off, or that a rollback went behind. A later generation would take them for its own. A grace period must
 * have passed since they were in force.
 */
export function scrubVersions(pins: Pins, epoch: number, newestKept: bigint): void {
  const fd = openPin(join(pins.epoch(epoch), 'km_cluster'))
  try {
    const { values, count } = readAll(fd, 4, clusterLayout.size, mapInfo(fd).maxEntries)
    const keys: Buffer[] = []
    const heads: Buffer[] = []
    for (let row = 0; row < count; row++) {
      const head = values.subarray(row * clusterLayout.size, (row + 1) * clusterLayout.size)
      const read = rowReader(cellLayout, head)
      let isStale: 'yes' | 'no' = 'no'
      for (let index = 0; index < CLUSTER_CELLS; index++) {
        const at = CELLS + index * cellLayout.size
        if (read.big(at, 'generation') <= newestKept) continue
        head.fill(0, at, at + cellLayout.size)
        isStale = 'yes'
      }
      if (isStale === 'no') continue
      keys.push(u32(row))
      heads.push(head)
    }
    updateAll(fd, Buffer.concat(keys), Buffer.concat(heads), keys.length)
  } finally {
    closeSync(fd)
  }
}
