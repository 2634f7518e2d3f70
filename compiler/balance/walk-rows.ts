/**
 * Reads a block of rows the way the kernel does, to hold the rows against `evalBalance`. In: a block of lower.ts, the number h of a decision, the
 * cursors. Out: the endpoint met, or null where nobody may be chosen. LEAST_REQUEST depends on live counts and draws
 * anew in each group: here the upper half of h draws by weight.
 */
import {
  endpoint as endpointLayout,
  group as groupLayout,
  GROUP_EQUAL,
  ring as ringLayout,
  ROW_SIZE,
  tier as tierLayout,
} from '../../proto/abi.ts'
import { get, get64, type Layout } from '../../proto/layout.ts'
import type { BalanceBlock } from '../lower/balance-block.ts'

export interface Met {
  /** 16 bytes */
  readonly address: Uint8Array
  readonly port: number
  /** local state index */
  readonly state: number
}

/** `cursors` holds the next value of each cursor by local state index, and is moved on. */
export function pickFromRows(block: BalanceBlock, h: bigint, cursors: Map<number, number>): Met | null {
  const view = new DataView(block.rows.buffer, block.rows.byteOffset, block.rows.byteLength)
  const read = (layout: Layout, row: number, name: string, index = 0): number => get(view, row * ROW_SIZE, fieldOf(layout, name), index)
  const step = (state: number): number => {
    const value = cursors.get(state) ?? 0
    cursors.set(state, value + 1)
    return value
  }
  const pointOf = (state: number, total: number, stride: number): number =>
    Number((BigInt(step(state) % total) * BigInt(stride)) % BigInt(total))
  const firstAbove = (layout: Layout, row: number, count: number, point: number): number => {
    for (let i = 0; i < count; i++) if (read(layout, row + i, 'upto') > point) return row + i
    throw new Error(`no ${layout.name} above ${point}`)
  }

  if (block.tiers === 0) return null
  const tier = firstAbove(tierLayout, 0, block.tiers, Number(h % 100n))
  const groups = read(tierLayout, tier, 'groups')
  if (groups === 0) return null
  let group = read(tierLayout, tier, 'group')
  if (groups > 1) {
    const point = pointOf(read(tierLayout, tier, 'cursor'), read(tierLayout, tier, 'total'), read(tierLayout, tier, 'stride'))
    group = firstAbove(groupLayout, group, groups, point)
  }
  const first = read(groupLayout, group, 'first')
  const count = read(groupLayout, group, 'count')
  const endpointAt = (row: number): Met => ({
    address: block.rows.slice(row * ROW_SIZE, row * ROW_SIZE + 16),
    port: read(endpointLayout, row, 'port'),
    state: read(endpointLayout, row, 'state'),
  })

  const entries = read(tierLayout, tier, 'entries')
  const table = read(tierLayout, tier, 'table')
  if (block.policy === 'MAGLEV') return endpointAt(first + view.getUint32(table * ROW_SIZE + Number(h % BigInt(entries)) * 4, true))
  if (block.policy === 'RING_HASH') {
    let at = 0
    while (at < entries && get64(view, (table + (at >> 1)) * ROW_SIZE, fieldOf(ringLayout, 'hash'), at & 1) < h) at++
    if (at === entries) at = 0
    return endpointAt(first + read(ringLayout, table + (at >> 1), 'index', at & 1))
  }
  if (block.policy === 'RANDOM') return endpointAt(first + Number(h % BigInt(count)))
  const total = read(groupLayout, group, 'total')
  const point =
    block.policy === 'LEAST_REQUEST'
      ? Number((h >> 32n) % BigInt(total))
      : pointOf(read(groupLayout, group, 'cursor'), total, read(groupLayout, group, 'stride'))
  if ((read(groupLayout, group, 'flags') & GROUP_EQUAL) !== 0) return endpointAt(first + point)
  return endpointAt(firstAbove(endpointLayout, first, count, point))
}

function fieldOf(layout: Layout, name: string) {
  const field = layout.fields[name]
  if (field === undefined) throw new Error(`${layout.name} has no field ${name}`)
  return field
}
