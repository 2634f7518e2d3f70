/**
 * Versions of clusters: the cells of their heads (proto/abi.ts, km_cell). In: heads as the kernel holds them, and the numbers of the generations that are kept; out: where a new version goes, heads without
 * versions that belong to nobody. Invariant: a cell that some kept generation reads is never changed.
 */
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { CLUSTER_CELLS, cell as cellLayout, cluster as clusterLayout } from '../../proto/abi.ts'
import { get, get64, put } from '../../proto/layout.ts'
import { fieldOf, viewOf } from '../field.ts'
import type { Pins } from '../pins.ts'
import { mapInfo } from '../sys/libbpf-map.ts'
import { openPin } from '../sys/libbpf-pin.ts'
import { storeWord, withMapWindow } from '../sys/map-memory.ts'

const CELLS = fieldOf(clusterLayout, 'cells').offset
const GENERATION = fieldOf(cellLayout, 'generation').offset

export interface NewVersion {
  readonly generation: bigint
  /** first row */
  readonly first: number
  readonly tiers: number
}

/** Where in `head` a version may be put; null when each of its cells is read by a kept generation. */
export function freeVersion(head: Uint8Array, kept: readonly bigint[]): number | null {
  const read = new Set(kept.map((generation) => newest(head, generation)))
  for (let index = 0; index < CLUSTER_CELLS; index++) if (!read.has(index)) return CELLS + index * cellLayout.size
  return null
}

/** Programs may look at the cell meanwhile: it belongs to no generation until it is whole. The number goes last; its upper half is always zero. */
export function writeVersion(heads: DataView, at: number, { generation, first, tiers }: NewVersion): void {
  emptyVersion(heads, at)
  put(heads, at, fieldOf(cellLayout, 'first'), first)
  put(heads, at, fieldOf(cellLayout, 'tiers'), tiers)
  storeWord(heads, at + GENERATION, Number(generation))
}

export function readVersion(heads: DataView, at: number): NewVersion {
  const read = (name: string): number => get(heads, at, fieldOf(cellLayout, name), 0)
  return { generation: get64(heads, at, fieldOf(cellLayout, 'generation'), 0), first: read('first'), tiers: read('tiers') }
}

function emptyVersion(heads: DataView, at: number): void {
  storeWord(heads, at + GENERATION, 0)
}

/** The cell that a generation reads; -1: none. */
function newest(head: Uint8Array, generation: bigint): number {
  const cells = viewOf(head)
  let best = -1
  let made = 0n
  for (let index = 0; index < CLUSTER_CELLS; index++) {
    const own = cells.getBigUint64(CELLS + index * cellLayout.size + GENERATION, true)
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
    const bytes = mapInfo(fd).maxEntries * clusterLayout.size
    withMapWindow(fd, 0, bytes, (heads) => {
      for (let head = 0; head < bytes; head += clusterLayout.size) {
        for (let index = 0; index < CLUSTER_CELLS; index++) {
          const at = head + CELLS + index * cellLayout.size
          if (heads.getUint32(at + GENERATION, true) > newestKept) emptyVersion(heads, at)
        }
      }
    })
  } finally {
    closeSync(fd)
  }
}
