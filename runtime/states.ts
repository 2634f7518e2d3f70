/**
 * Gives every owner of an artifact its stable state id: the one it has, or a free one. In: owner keys by local index, the rows that the kernel
 * holds, and the ids that retained generations name. Out: which id each local index gets and which rows have to be written.
 * A row is free when nobody owns it, or when no retained generation names it and nothing live is counted on it (dataplane.md, section 3).
 * Its incarnation is raised when it gets an owner, so that a late release for the one before is dropped.
 * Invariants: two owners never share an id; an owner keeps its id, and with it its counters, as long as its row was not given away.
 * Pure: rows are read and written by state-shards.ts.
 */
import { STATE_SHARD_BITS, STATE_SHARD_ROWS, STATE_SHARDS, state as layout } from '../proto/abi.ts'
import { coded } from './coded-error.ts'
import { OWNER_KEY_BYTES, ownerKindOf } from '../proto/owner-key.ts'
import { fieldOf, viewOf } from './field.ts'
import { createOwnerIndex } from './owner-index.ts'

const KEY_WORDS = 4
const ROW_WORDS = layout.size / 4
const INCARNATION = fieldOf(layout, 'incarnation').offset / 4
const ACTIVE = fieldOf(layout, 'active').offset / 4
const CONNECTIONS = fieldOf(layout, 'connections').offset
const FAILURES = fieldOf(layout, 'failures').offset

export interface StatePlan {
  /** stable id by local index; index 0 is 0 */
  readonly ids: Uint32Array
  /** existing rows that get an owner: their ids, ascending */
  readonly claimed: readonly number[]
  /** of these, the ones that had another owner before, whose failures by reason have to go */
  readonly reclaimed: ReadonlySet<number>
  /** contents of the claimed rows, in the same order */
  readonly claimedRows: Uint8Array
  /** contents of shards to be made, STATE_SHARD_ROWS rows each, first one number `shards` */
  readonly newShards: Uint8Array
  /** shards that exist already */
  readonly shards: number
}

/**
 * `keys`: 16 bytes by local index. `rows`: the shards that exist, concatenated. `named`: 1 by id for ids of retained generations.
 */
export function planStates(keys: Uint8Array, rows: Uint8Array, named: Uint8Array): StatePlan {
  const keyWords = words(keys)
  const rowWords = words(rows)
  const held = rowWords.length / ROW_WORDS
  const index = createOwnerIndex(rowWords, ROW_WORDS)
  const count = keyWords.length / KEY_WORDS
  const ids = new Uint32Array(count)
  const taken = new Uint8Array(held)
  taken.set(named.subarray(0, held))
  if (held > 0) taken[0] = 1
  const homeless: number[] = []
  for (let local = 1; local < count; local++) {
    const row = index.find(keyWords, local * KEY_WORDS)
    if (row > 0) {
      ids[local] = row
      taken[row] = 1
    } else homeless.push(local)
  }
  const claimed: number[] = []
  const reclaimed = new Set<number>()
  const claims = freeRows(rowWords, taken, held)
  let next = 0
  for (const id of claims) {
    const local = homeless[next]
    if (local === undefined) break
    ids[local] = id
    claimed.push(id)
    if (!ownerless(rowWords, id * ROW_WORDS)) reclaimed.add(id)
    next++
  }
  const fresh = homeless.length - next
  const shards = held / STATE_SHARD_ROWS
  // id 0 of the very first shard is never used
  const firstFresh = held === 0 ? 1 : held
  const newCount = fresh === 0 ? 0 : Math.ceil((firstFresh + fresh - held) / STATE_SHARD_ROWS)
  if (shards + newCount > STATE_SHARDS)
    throw coded('KM9113', `the instance would need ${shards + newCount} shards of state rows; ${STATE_SHARDS} is the most`)
  const newShards = new Uint32Array(newCount * STATE_SHARD_ROWS * ROW_WORDS)
  for (let id = firstFresh; next < homeless.length; next++, id++) {
    const local = homeless[next] as number
    ids[local] = id
    own(newShards, (id - held) * ROW_WORDS, keyWords, local, 1)
  }
  const claimedRows = new Uint32Array(claimed.length * ROW_WORDS)
  for (let i = 0; i < claimed.length; i++) {
    const before = rowWords[(claimed[i] as number) * ROW_WORDS + INCARNATION] as number
    own(claimedRows, i * ROW_WORDS, keyWords, homeless[i] as number, before + 1)
  }
  const order = sortedOrder(claimed)
  return {
    ids,
    claimed: order.map((i) => claimed[i] as number),
    reclaimed,
    claimedRows: permuted(claimedRows, order),
    newShards: new Uint8Array(newShards.buffer),
    shards,
  }
}

/** Rows that had their owner before, with counts, while no kept generation showed it. */
export function comeBack({ ids }: Pick<StatePlan, 'ids'>, rows: Uint8Array, visible: ReadonlySet<number>): readonly number[] {
  const view = viewOf(rows)
  return [...new Set(ids)].filter((id) => {
    const at = id * layout.size
    if (id === 0 || at >= rows.length || visible.has(id)) return false
    const kind = ownerKindOf(rows.subarray(at, at + OWNER_KEY_BYTES))
    // requests that went to user space are in km_failure alone
    return (
      kind === 'route' ||
      (kind !== undefined && (view.getBigUint64(at + CONNECTIONS, true) > 0n || view.getBigUint64(at + FAILURES, true) > 0n))
    )
  })
}

/** Rows without owner first, so that what a service counted lives as long as there is room. */
function* freeRows(rows: Uint32Array, taken: Uint8Array, held: number): Generator<number> {
  for (let id = 1; id < held; id++) if (taken[id] === 0 && ownerless(rows, id * ROW_WORDS)) yield id
  for (let id = 1; id < held; id++) {
    if (taken[id] === 0 && !ownerless(rows, id * ROW_WORDS) && rows[id * ROW_WORDS + ACTIVE] === 0) yield id
  }
}

function ownerless(rows: Uint32Array, at: number): boolean {
  return rows[at] === 0 && rows[at + 1] === 0 && rows[at + 2] === 0 && rows[at + 3] === 0
}

function own(rows: Uint32Array, at: number, keys: Uint32Array, local: number, incarnation: number): void {
  for (let i = 0; i < KEY_WORDS; i++) rows[at + i] = keys[local * KEY_WORDS + i] as number
  rows[at + INCARNATION] = incarnation
}

function sortedOrder(ids: readonly number[]): number[] {
  return ids.map((_, i) => i).sort((a, b) => (ids[a] as number) - (ids[b] as number))
}

function permuted(rows: Uint32Array, order: readonly number[]): Uint8Array {
  const result = new Uint32Array(rows.length)
  order.forEach((from, to) => {
    result.set(rows.subarray(from * ROW_WORDS, (from + 1) * ROW_WORDS), to * ROW_WORDS)
  })
  return new Uint8Array(result.buffer)
}

function words(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes)
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4)
}

export function shardOf(id: number): number {
  return id >>> STATE_SHARD_BITS
}

export function rowOf(id: number): number {
  return id & (STATE_SHARD_ROWS - 1)
}
