/**
 * What has been counted, by state id. In: the rows of km_state and km_failure; out: connections, live ones and failures by reason.
 * Counters of one owner go on across applies. Numbers of one moment: rows are read one after the other while traffic goes on.
 */
import { failureKey, REASONS, state as layout } from '../proto/abi.ts'
import { fieldOf, rowReader, viewOf } from './field.ts'
import type { Pins } from './pins.ts'
import { readStates } from './state-shards.ts'
import { readAll } from './sys/libbpf-map.ts'
import type { Tables } from './tables.ts'

export interface Counters {
  readonly connections: number
  readonly active: number
  readonly failures: Readonly<Record<string, number>>
}

export interface CounterTable {
  of(state: number): Counters
}

const ACTIVE = fieldOf(layout, 'active').offset
const CONNECTIONS = fieldOf(layout, 'connections').offset
const NONE: Readonly<Record<string, number>> = {}

export function readCounters(pins: Pins, tables: Tables): CounterTable {
  const failures = readFailures(tables)
  const rows = viewOf(readStates(pins))
  return {
    of: (state) => {
      const at = state * layout.size
      const known = state > 0 && at + layout.size <= rows.byteLength
      return {
        connections: known ? Number(rows.getBigUint64(at + CONNECTIONS, true)) : 0,
        active: known ? rows.getUint32(at + ACTIVE, true) : 0,
        failures: failures.get(state) ?? NONE,
      }
    },
  }
}

function readFailures(tables: Tables): ReadonlyMap<number, Readonly<Record<string, number>>> {
  const reasons = new Map<number, string>(Object.entries(REASONS).map(([name, number]) => [number, name]))
  const { keys, values, count } = readAll(tables.fd('km_failure'), failureKey.size, 8, 4096)
  const read = rowReader(failureKey, keys)
  const found = new Map<number, Record<string, number>>()
  for (let i = 0; i < count; i++) {
    const at = i * failureKey.size
    const state = read.number(at, 'state')
    const reason = read.number(at, 'reason')
    const own = found.get(state) ?? {}
    own[reasons.get(reason) ?? `reason ${reason}`] = Number(values.readBigUInt64LE(i * 8))
    found.set(state, own)
  }
  return found
}
