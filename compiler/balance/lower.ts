/**
 * One Balance as rows of km_endpoint. In: a Balance and an allocator of state indices. Out: a block of 32-byte rows with positions relative to its
 * first row, and where in it state indices are. Order of rows: tiers, groups, endpoints, hash tables, LEAST_REQUEST factors.
 *
 *   tier 0..n-1 -> group -> endpoint          walked lists
 *             \-> ring / slots -> endpoint     hash tables index the endpoints of the tier's only group
 *
 * Invariant: tiers that name the same host source share their rows and cursors. Layouts: proto/abi.ts.
 */
import { ROW_SIZE } from '../../proto/abi.ts'
import type { Balance } from '../ir/program.ts'
import type { BalanceBlock } from '../lower/balance-block.ts'
import type { StateAllocator } from '../lower/states.ts'
import { FACTORS } from './least-request.ts'
import { spread } from './spread.ts'
import { layoutOf } from './table.ts'
import { type Place, tableRows, type Writer, writeEndpoints, writeGroups, writeSlots, writeTable, writeTier } from './write-rows.ts'

export function lowerBalance(balance: Balance, states: StateAllocator): BalanceBlock {
  const layout = layoutOf(balance)
  const policy = balance.policy.name
  const some = layout.tiers.some((tier) => tier.groups.length > 0)
  if (!some)
    return {
      tiers: 0,
      rows: new Uint8Array(0),
      relocations: [],
      policy,
      choiceCount: layout.choiceCount,
      bias: 0,
      flags: layout.flags,
      shape: { localities: false },
    }

  const sources = [...new Map(layout.tiers.map((tier) => [tier.key, tier])).values()]
  const places = new Map<string, Place>()
  let row = layout.tiers.length
  for (const source of sources) {
    places.set(source.key, { source, group: row, first: 0, table: 0, weights: spread(source.groups.map((group) => group.weight)) })
    row += source.groups.length
  }
  for (const place of places.values()) {
    place.first = row
    for (const group of place.source.groups) row += group.endpoints.length
  }
  for (const place of places.values()) {
    place.table = row
    row += tableRows(place.source.table)
  }
  const bias = layout.factors === undefined ? 0 : row
  if (layout.factors !== undefined) row += FACTORS / 8

  const rows = new Uint8Array(row * ROW_SIZE)
  const writer: Writer = { rows, view: new DataView(rows.buffer), relocations: [], states, cursors: layout.cursors }
  for (const [index, tier] of layout.tiers.entries()) writeTier(writer, index, tier, places.get(tier.key) as Place)
  for (const place of places.values()) writeGroups(writer, place)
  for (const place of places.values()) writeEndpoints(writer, place)
  for (const place of places.values()) writeTable(writer, place)
  if (layout.factors !== undefined) writeSlots(writer, bias, layout.factors)
  return {
    tiers: layout.tiers.length,
    rows,
    relocations: writer.relocations,
    policy,
    choiceCount: layout.choiceCount,
    bias,
    flags: layout.flags,
    shape: { localities: layout.tiers.some((tier) => tier.groups.length > 1) },
  }
}
