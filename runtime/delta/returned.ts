/**
 * Owners that a delta brings back. In: a delta's owners with the rows they have, the generations that are kept. Out: ids of rows with counts whose owner none of these generations shows: until now they were
 * counted among the departed (runtime/departed-counts.ts). An endpoint belongs to one cluster, so that mostly the versions of the clusters that the delta names tell.
 */
import { closeSync } from 'node:fs'
import { cluster as clusterLayout, endpoint as endpointLayout, ROW_SIZE, STATE_SHARD_ROWS, state as stateLayout } from '../../proto/abi.ts'
import type { Delta } from '../../proto/delta/format.ts'
import { fieldOf } from '../field.ts'
import type { Pins } from '../pins.ts'
import type { GenerationRecord } from '../record.ts'
import { rowOf, shardOf } from '../states.ts'
import { openPin } from '../sys/libbpf-pin.ts'
import { withMapMemory, withMapWindow } from '../sys/map-memory.ts'
import { visibleStates } from '../visible-states.ts'
import { versionOf, walkEndpoints } from '../walk.ts'
import type { PlacedOwners } from './owners.ts'
import type { Tail } from './tail.ts'

const STATE = fieldOf(endpointLayout, 'state').offset
const CONNECTIONS = fieldOf(stateLayout, 'connections').offset
const FAILURES = fieldOf(stateLayout, 'failures').offset

export interface Returning {
  readonly pins: Pins
  readonly tail: Tail
  readonly live: GenerationRecord
  readonly kept: readonly GenerationRecord[]
}

export function returnedOwners({ pins, tail, live, kept }: Returning, delta: Delta, { ids, given }: PlacedOwners): ReadonlySet<number> {
  const fresh = new Set(given)
  const counted = withCounts(
    pins,
    [...ids].filter((id) => id !== 0 && !fresh.has(id)),
  )
  if (counted.size === 0) return counted
  const beside = kept.filter(({ epoch }) => epoch === live.epoch)
  for (const id of shownByClusters(tail, delta, beside)) counted.delete(id)
  if (counted.size === 0) return counted
  const visible = visibleStates(
    pins,
    kept.filter((record) => !beside.includes(record)),
  )
  return new Set([...counted].filter((id) => !visible.has(id)))
}

function withCounts(pins: Pins, ids: readonly number[]): Set<number> {
  const counted = new Set<number>()
  for (const shard of new Set(ids.map(shardOf))) {
    const own = ids.filter((id) => shardOf(id) === shard)
    const from = own.reduce((least, id) => Math.min(least, rowOf(id)), STATE_SHARD_ROWS) * stateLayout.size
    const to = own.reduce((most, id) => Math.max(most, rowOf(id) + 1), 0) * stateLayout.size
    const fd = openPin(pins.state(shard))
    try {
      withMapWindow(fd, from, to, (rows) => {
        for (const id of own) {
          const at = rowOf(id) * stateLayout.size - from
          if (rows.getBigUint64(at + CONNECTIONS, true) > 0n || rows.getBigUint64(at + FAILURES, true) > 0n) counted.add(id)
        }
      })
    } finally {
      closeSync(fd)
    }
  }
  return counted
}

/** States of endpoints of the clusters that the delta names, as generations with the same tables show them. */
function shownByClusters(tail: Tail, { clusters }: Delta, records: readonly GenerationRecord[]): ReadonlySet<number> {
  const shown = new Set<number>()
  withMapMemory(tail.endpoint, tail.capacity * ROW_SIZE, (endpoints) => {
    for (const [index] of clusters) {
      const at = index * clusterLayout.size
      const head = withMapWindow(tail.cluster, at, at + clusterLayout.size, (values) =>
        Uint8Array.from(new Uint8Array(values.buffer, values.byteOffset, clusterLayout.size)),
      )
      for (const { generation } of records) {
        const version = versionOf(head, 0, generation)
        if (version !== null) walkEndpoints(endpoints, version, { endpoint: (row) => shown.add(endpoints.getUint32(row + STATE, true)) })
      }
    }
  })
  return shown
}
