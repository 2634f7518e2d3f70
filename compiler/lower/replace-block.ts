/**
 * A Plan in which the endpoints of some clusters are others. In: a Plan, where the rows of each cluster stand in it, new rows. Out: the Plan that lowering the whole
 * Program gives, and where rows stand in that; undefined where more than rows differ (settings, programs).
 * Invariant: nothing of the given Plan is written; what moves is states and rows behind the ones that changed.
 */
import { ROW_SIZE, cell, cluster as clusterLayout, state as stateLayout } from '../../proto/abi.ts'
import type { Field } from '../../proto/layout.ts'
import { STATE_KEY_BYTES } from '../../proto/artifact/table-files.ts'
import type { BalanceBlock } from './balance-block.ts'
import type { Plan } from './plan.ts'

/** Begin of each cluster's part by its index, and behind the last one the end: rows of km_endpoint, elements of endpointRelocations, states. */
export interface BlockPlaces {
  readonly rows: Uint32Array
  readonly relocations: Uint32Array
  readonly states: Uint32Array
}

export interface NewBlock {
  /** of the cluster */
  readonly index: number
  /** what it is now, lowered as `block` is */
  readonly before: BalanceBlock
  /** state indices in its rows are 1.. into `owners` */
  readonly block: BalanceBlock
  /** keys, index 0 unused */
  readonly owners: Uint8Array
}

const CELLS = (clusterLayout.fields.cells as Field).offset
const FIRST = CELLS + (cell.fields.first as Field).offset
const TIERS = CELLS + (cell.fields.tiers as Field).offset

/** undefined: a part of the states is shared, so that parts cannot be told apart. */
export function blockPlaces({ tables }: Plan): BlockPlaces | undefined {
  const { cluster, endpoint, endpointRelocations, states } = tables
  const count = cluster.length / clusterLayout.size
  const heads = viewOf(cluster)
  const rows = viewOf(endpoint)
  const places = { rows: new Uint32Array(count + 1), relocations: new Uint32Array(count + 1), states: new Uint32Array(count + 1) }
  places.rows[count] = endpoint.length / ROW_SIZE
  for (let index = count - 1; index >= 0; index--) {
    const at = index * clusterLayout.size
    places.rows[index] = hasRows(heads, at) ? heads.getUint32(at + FIRST, true) : (places.rows[index + 1] as number)
  }
  const stateOf = (relocation: number): number => rows.getUint32(endpointRelocations[relocation] as number, true)
  const last = states.length / STATE_KEY_BYTES
  let relocation = 0
  let state = endpointRelocations.length === 0 ? last : stateOf(0)
  for (let index = 0; index < count; index++) {
    places.relocations[index] = relocation
    places.states[index] = state
    const before = state
    const end = (places.rows[index + 1] as number) * ROW_SIZE
    for (; relocation < endpointRelocations.length && (endpointRelocations[relocation] as number) < end; relocation++) {
      const named = stateOf(relocation)
      if (named < before) return undefined
      state = Math.max(state, named + 1)
    }
  }
  places.relocations[count] = relocation
  places.states[count] = state
  return state === last ? places : undefined
}

/** `blocks` by ascending index */
export function replaceBlocks(
  plan: Plan,
  places: BlockPlaces,
  blocks: readonly NewBlock[],
): { readonly plan: Plan; readonly places: BlockPlaces } | undefined {
  if (!blocks.every(({ before, block }) => sameSettings(before, block))) return undefined
  const { tables, budgets } = plan
  const count = places.rows.length - 1
  const next: BlockPlaces = {
    rows: new Uint32Array(places.rows),
    relocations: new Uint32Array(places.relocations),
    states: new Uint32Array(places.states),
  }
  const rows: Uint8Array[] = []
  const relocations: Uint32Array[] = []
  const owners: Uint8Array[] = [tables.states.subarray(0, (places.states[0] as number) * STATE_KEY_BYTES)]
  const cluster = new Uint8Array(tables.cluster)
  const heads = viewOf(cluster)
  let done = 0
  const shift = { rows: 0, relocations: 0, states: 0 }
  /** what stays: clusters from `done` up to `index` */
  const keep = (index: number): void => {
    const [from, to] = [places.rows[done] as number, places.rows[index] as number]
    const bytes = new Uint8Array(tables.endpoint.subarray(from * ROW_SIZE, to * ROW_SIZE))
    const view = viewOf(bytes)
    const own = tables.endpointRelocations.slice(places.relocations[done], places.relocations[index])
    for (let at = 0; at < own.length; at++) {
      const offset = own[at] as number
      const place = offset - from * ROW_SIZE
      if (shift.states !== 0) view.setUint32(place, view.getUint32(place, true) + shift.states, true)
      own[at] = offset + shift.rows * ROW_SIZE
    }
    rows.push(bytes)
    relocations.push(own)
    owners.push(
      tables.states.subarray((places.states[done] as number) * STATE_KEY_BYTES, (places.states[index] as number) * STATE_KEY_BYTES),
    )
    for (let moved = done; moved < index; moved++) move(moved)
    done = index
  }
  const move = (index: number): void => {
    for (const part of ['rows', 'relocations', 'states'] as const) next[part][index] = (places[part][index] as number) + shift[part]
    const at = index * clusterLayout.size
    if (shift.rows !== 0 && index < count && hasRows(heads, at)) heads.setUint32(at + FIRST, next.rows[index] as number, true)
  }
  for (const { index, block, owners: keys } of blocks) {
    keep(index)
    move(index)
    const first = next.rows[index] as number
    const bytes = new Uint8Array(block.rows)
    const view = viewOf(bytes)
    for (const offset of block.relocations) view.setUint32(offset, view.getUint32(offset, true) - 1 + (next.states[index] as number), true)
    rows.push(bytes)
    relocations.push(Uint32Array.from(block.relocations, (offset) => offset + first * ROW_SIZE))
    owners.push(keys.subarray(STATE_KEY_BYTES))
    heads.setUint32(index * clusterLayout.size + TIERS, block.tiers, true)
    shift.rows += bytes.length / ROW_SIZE - sizeOf(places.rows, index)
    shift.relocations += block.relocations.length - sizeOf(places.relocations, index)
    shift.states += keys.length / STATE_KEY_BYTES - 1 - sizeOf(places.states, index)
    done = index + 1
  }
  keep(count)
  move(count)
  const endpoint = Buffer.concat(rows)
  const states = Buffer.concat(owners)
  return {
    plan: {
      ...plan,
      tables: { ...tables, cluster, endpoint, states, endpointRelocations: joined(relocations) },
      budgets: {
        ...budgets,
        entries: { ...budgets.entries, endpoint: endpoint.length / ROW_SIZE, state: states.length / STATE_KEY_BYTES },
        bytes: budgets.bytes + shift.rows * ROW_SIZE + shift.states * stateLayout.size,
      },
    },
    places: next,
  }
}

/** All that is in the head of a cluster or decides about programs. */
function sameSettings(a: BalanceBlock, b: BalanceBlock): boolean {
  return (
    a.policy === b.policy &&
    a.flags === b.flags &&
    a.choiceCount === b.choiceCount &&
    a.bias === b.bias &&
    a.shape.localities === b.shape.localities
  )
}

/** A cluster that refuses or passes has no version of its rows. */
function hasRows(heads: DataView, at: number): boolean {
  return heads.getBigUint64(at + CELLS, true) !== 0n
}

function sizeOf(places: Uint32Array, index: number): number {
  return (places[index + 1] as number) - (places[index] as number)
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
