/**
 * Token buckets that the kernel has. In: an instance, whose bucket. Out: the word of km_state that is the bucket (km_state.cursor), in the kernel's own memory. Invariant: a word is given out for as long as
 * its row belongs to that owner, which `renew` looks at again: rows change owners with generations only.
 */
import { closeSync } from 'node:fs'
import { STATE_SHARD_ROWS, state as layout } from '../../proto/abi.ts'
import { ownerKey } from '../../proto/owner-key.ts'
import { fieldOf } from '../field.ts'
import type { OpenInstance } from '../held-generation.ts'
import { readStates } from '../state-shards.ts'
import { rowOf, shardOf } from '../states.ts'
import { openPin } from '../sys/libbpf-pin.ts'
import { mapMemory } from '../sys/map-memory.ts'

export interface BucketCells {
  /** `service`, `filter`: xDS paths of a connection manager and of its filter's configuration. undefined: the kernel has no such bucket. Not to be kept */
  find(owner: { readonly service: string; readonly filter: string }): BigUint64Array | undefined
  /** another generation is in force */
  renew(): void
  close(): void
}

const KEY = fieldOf(layout, 'key')
const CURSOR = fieldOf(layout, 'cursor')

export function openBucketCells({ pins }: Pick<OpenInstance, 'pins'>): BucketCells {
  let known = new Map<string, BigUint64Array | undefined>()
  let state: 'open' | 'closed' = 'open'
  const shards = new Map<number, ReturnType<typeof mapMemory>>()
  const shard = (number: number): DataView => {
    let held = shards.get(number)
    if (held === undefined) {
      const fd = openPin(pins.state(number))
      try {
        held = mapMemory(fd, STATE_SHARD_ROWS * layout.size)
      } finally {
        closeSync(fd)
      }
      shards.set(number, held)
    }
    return held.values
  }
  const look = (service: string, filter: string): BigUint64Array | undefined => {
    const key = ownerKey('bucket', service, filter)
    const rows = readStates(pins)
    for (let at = rows.indexOf(key); at >= 0; at = rows.indexOf(key, at + 1)) {
      if (at % layout.size !== KEY.offset) continue
      const id = Math.floor(at / layout.size)
      const values = shard(shardOf(id))
      return new BigUint64Array(values.buffer, values.byteOffset + rowOf(id) * layout.size + CURSOR.offset, 1)
    }
    return undefined
  }
  return {
    find({ service, filter }) {
      if (state === 'closed') return undefined
      const name = `${service}\0${filter}`
      if (!known.has(name)) known.set(name, look(service, filter))
      return known.get(name)
    },
    renew() {
      known = new Map()
    },
    close() {
      state = 'closed'
      known = new Map()
      for (const { unmap } of shards.values()) unmap()
      shards.clear()
    },
  }
}
