/**
 * What has been counted, by state id. In: the rows of km_state and km_failure; out: connections, live ones and failures by reason.
 * Counters of one owner go on across applies. Numbers of one moment: rows are read one after the other while traffic goes on.
 */
import { failureKey, REASONS, state as layout } from '../proto/abi.ts'
import { SLOW_REASON_BASE, SLOW_REASONS } from '../proto/http/sockets.ts'
import { REPLY_BASE } from '../proto/watching.ts'
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

export interface RouteCounters {
  readonly requests: number
  /** answered in the kernel without an endpoint */
  readonly localReplies: number
  /** requests that user space got, by reason */
  readonly slow: Readonly<Record<string, number>>
}

export interface CounterTable {
  of(state: number): Counters
  /** of a route, or 0: what fell before a route was found */
  ofRoute(state: number): RouteCounters
}

const ACTIVE = fieldOf(layout, 'active').offset
const CONNECTIONS = fieldOf(layout, 'connections').offset
const FAILURES = fieldOf(layout, 'failures').offset
const NONE: Readonly<Record<string, number>> = {}

export function readCounters(pins: Pins, tables: Tables): CounterTable {
  const { failures, slow } = readFailures(tables)
  const rows = viewOf(readStates(pins))
  const big = (state: number, offset: number): number => {
    const at = state * layout.size
    return state > 0 && at + layout.size <= rows.byteLength ? Number(rows.getBigUint64(at + offset, true)) : 0
  }
  return {
    of: (state) => {
      const at = state * layout.size
      const known = state > 0 && at + layout.size <= rows.byteLength
      return {
        connections: big(state, CONNECTIONS),
        active: known ? rows.getUint32(at + ACTIVE, true) : 0,
        failures: failures.get(state) ?? NONE,
      }
    },
    ofRoute: (state) => ({ requests: big(state, CONNECTIONS), localReplies: big(state, FAILURES), slow: slow.get(state) ?? NONE }),
  }
}

type ByOwner = ReadonlyMap<number, Readonly<Record<string, number>>>

function readFailures(tables: Tables): { readonly failures: ByOwner; readonly slow: ByOwner } {
  const reasons = new Map<number, string>([
    ...Object.entries(REASONS).map(([name, number]): [number, string] => [number, name]),
    ...Object.entries(SLOW_REASONS).map(([name, number]): [number, string] => [SLOW_REASON_BASE + number, name]),
  ])
  const { keys, values, count } = readAll(tables.fd('km_failure'), failureKey.size, 8, 4096)
  const read = rowReader(failureKey, keys)
  const failures = new Map<number, Record<string, number>>()
  const slow = new Map<number, Record<string, number>>()
  for (let i = 0; i < count; i++) {
    const at = i * failureKey.size
    const state = read.number(at, 'state')
    const reason = read.number(at, 'reason')
    if (reason >= REPLY_BASE) continue
    const found = reason < SLOW_REASON_BASE ? failures : slow
    const own = found.get(state) ?? {}
    own[reasons.get(reason) ?? `reason ${reason}`] = Number(values.readBigUInt64LE(i * 8))
    found.set(state, own)
  }
  return { failures, slow }
}
