/**
 * What is counted in an instance, all of it at one moment. In: its pins and tables. Out: rows of km_state, counts by reason, and those of the departed: none is twice or missing because counts move meanwhile.
 */
import { failureKey, REASONS, state as layout } from '../../proto/abi.ts'
import { SLOW_REASON_BASE, SLOW_REASONS } from '../../proto/http/sockets.ts'
import { OWNER_KEY_BYTES, type OwnerKind, ownerKindOf } from '../../proto/owner-key.ts'
import { REPLY_BASE, TALLY_CONNECTIONS } from '../../proto/watching.ts'
import { fieldOf, viewOf } from '../field.ts'
import type { Pins } from '../pins.ts'
import { readByTwo } from '../read-by-two.ts'
import { readStates } from '../state-shards.ts'
import type { Tables } from '../tables.ts'
import { readBeside, type Tally } from '../tally.ts'

export interface RowCounts {
  readonly id: number
  readonly kind: OwnerKind
  readonly active: number
  readonly connections: number
  readonly reasons: ReadonlyMap<number, number>
}

export interface Counts {
  readonly rows: readonly RowCounts[]
  /** of no owner */
  readonly nobody: ReadonlyMap<number, number>
  readonly tally: Tally
  /** rows of km_state: with an owner, and without */
  readonly owned: number
  readonly free: number
}

const NONE: ReadonlyMap<number, number> = new Map()
const ACTIVE = fieldOf(layout, 'active').offset
const CONNECTIONS = fieldOf(layout, 'connections').offset

export function readCounts(pins: Pins, tables: Tables): Counts {
  const { tally, beside } = readBeside(pins, () => ({ states: readStates(pins), reasons: readReasons(tables) }))
  const { states, reasons } = beside
  const view = viewOf(states)
  const rows: RowCounts[] = []
  let owned = 0
  for (let at = layout.size; at < states.length; at += layout.size) {
    const key = states.subarray(at, at + OWNER_KEY_BYTES)
    const kind = ownerKindOf(key)
    if (kind === undefined) {
      if (key.some((byte) => byte !== 0)) owned++
      continue
    }
    owned++
    const id = at / layout.size
    const connections = Number(view.getBigUint64(at + CONNECTIONS, true))
    rows.push({ id, kind, active: view.getUint32(at + ACTIVE, true), connections, reasons: reasons.get(id) ?? NONE })
  }
  return { rows, nobody: reasons.get(0) ?? NONE, tally, owned, free: Math.max(0, states.length / layout.size - 1 - owned) }
}

function readReasons(tables: Tables): ReadonlyMap<number, ReadonlyMap<number, number>> {
  return readByTwo(tables.fd('km_failure'), failureKey, ['state', 'reason'], 4096)
}

export type Counted =
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'user-space'; readonly reason: string }
  | { readonly kind: 'reply'; readonly code: string }

const REASON_NAMES = namesByNumber(REASONS)
const SLOW_NAMES = namesByNumber(SLOW_REASONS)

/** What a key of km_failure, or of the departed, counts; undefined: a counter of the row itself. */
export function countedAs(reason: number): Counted | undefined {
  if (reason >= TALLY_CONNECTIONS) return undefined
  if (reason >= REPLY_BASE) return { kind: 'reply', code: String(reason - REPLY_BASE) }
  if (reason < SLOW_REASON_BASE) return { kind: 'refused', reason: REASON_NAMES.get(reason) ?? `reason ${reason}` }
  return { kind: 'user-space', reason: SLOW_NAMES.get(reason - SLOW_REASON_BASE) ?? `reason ${reason}` }
}

function namesByNumber(numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(numbers).map(([name, number]) => [number, name]))
}
