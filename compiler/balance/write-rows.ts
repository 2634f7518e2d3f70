/**
 * Writes the rows of one Balance (lower.ts says where they go). In: tiers, groups and tables with their places. Out: bytes in the writer's rows,
 * and the offsets of state indices, ascending as long as tiers, groups and endpoints are written in this order.
 * Rows go through one DataView, little-endian, because a cluster can have a hundred thousand endpoints.
 */
import {
  ENDPOINT_V6,
  GROUP_EQUAL,
  ROW_SIZE,
  endpoint as endpointLayout,
  group as groupLayout,
  ring as ringLayout,
  tier as tierLayout,
} from '../../proto/abi.ts'
import type { Layout } from '../../proto/layout.ts'
import type { Endpoint } from '../ir/program.ts'
import type { StateAllocator } from '../lower/states.ts'
import type { HashTable, LayoutGroup, LayoutTier } from './policy.ts'
import { type Spread, spread } from './spread.ts'

/** Where the rows of one host source are. */
export interface Place {
  readonly source: LayoutTier
  readonly group: number
  first: number
  table: number
  /** of the groups */
  readonly weights: Spread
}

export interface Writer {
  readonly rows: Uint8Array
  readonly view: DataView
  readonly relocations: number[]
  readonly states: StateAllocator
  readonly cursors: boolean
}

const TIER = offsets(tierLayout, 'upto', 'group', 'groups', 'cursor', 'total', 'stride', 'table', 'entries')
const GROUP = offsets(groupLayout, 'upto', 'first', 'count', 'total', 'stride', 'cursor', 'flags')
const ENDPOINT = offsets(endpointLayout, 'address', 'upto', 'weight', 'state', 'port', 'flags')
const RING = offsets(ringLayout, 'hash', 'index')

export function writeTier(
  { view, relocations, states }: Writer,
  index: number,
  tier: LayoutTier,
  { source, group, table, weights }: Place,
): void {
  const base = index * ROW_SIZE
  view.setUint32(base + TIER.upto, tier.upto, true)
  view.setUint32(base + TIER.group, group, true)
  view.setUint32(base + TIER.groups, source.groups.length, true)
  view.setUint32(base + TIER.total, weights.total, true)
  view.setUint32(base + TIER.stride, weights.stride, true)
  if (source.groups.length > 1) {
    view.setUint32(base + TIER.cursor, states.cursor('localities', tier.key), true)
    relocations.push(base + TIER.cursor)
  }
  if (source.table !== undefined) {
    view.setUint32(base + TIER.table, table, true)
    view.setUint32(base + TIER.entries, source.table.index.length, true)
  }
}

export function writeGroups({ view, relocations, states, cursors }: Writer, place: Place): void {
  let first = place.first
  let upto = 0
  for (const [index, group] of place.source.groups.entries()) {
    const base = (place.group + index) * ROW_SIZE
    const { total, stride, equal } = spreadOf(group)
    upto += place.weights.weights[index] as number
    view.setUint32(base + GROUP.upto, upto, true)
    view.setUint32(base + GROUP.first, first, true)
    view.setUint32(base + GROUP.count, group.endpoints.length, true)
    view.setUint32(base + GROUP.total, total, true)
    view.setUint32(base + GROUP.stride, stride, true)
    view.setUint32(base + GROUP.flags, equal ? GROUP_EQUAL : 0, true)
    if (cursors) {
      view.setUint32(base + GROUP.cursor, states.cursor('endpoints', `${place.source.key}:${group.key}`), true)
      relocations.push(base + GROUP.cursor)
    }
    first += group.endpoints.length
  }
}

export function writeEndpoints({ rows, view, relocations, states }: Writer, { source, first }: Place): void {
  let base = first * ROW_SIZE
  for (const group of source.groups) {
    const { weights } = spreadOf(group)
    let upto = 0
    for (let i = 0; i < group.endpoints.length; i++) {
      const { address, port } = group.endpoints[i] as Endpoint
      const mapped = isMapped(address)
      upto += weights[i] as number
      rows.set(address, base + ENDPOINT.address)
      view.setUint32(base + ENDPOINT.upto, upto, true)
      view.setUint32(base + ENDPOINT.weight, weights[i] as number, true)
      view.setUint32(base + ENDPOINT.state, states.endpoint(ownerText(address, port, mapped)), true)
      view.setUint16(base + ENDPOINT.port, port, true)
      view.setUint16(base + ENDPOINT.flags, mapped ? 0 : ENDPOINT_V6, true)
      relocations.push(base + ENDPOINT.state)
      base += ROW_SIZE
    }
  }
}

export function writeTable(writer: Writer, { source, table }: Place): void {
  if (source.table?.kind === 'maglev') writeSlots(writer, table, source.table.index)
  if (source.table?.kind !== 'ring') return
  const { high, low, index } = source.table
  const { view } = writer
  for (let i = 0; i < index.length; i++) {
    const base = (table + (i >>> 1)) * ROW_SIZE
    const half = i & 1
    view.setUint32(base + RING.hash + half * 8, low[i] as number, true)
    view.setUint32(base + RING.hash + half * 8 + 4, high[i] as number, true)
    view.setUint32(base + RING.index + half * 4, index[i] as number, true)
  }
  if (index.length % 2 === 1) {
    const base = (table + (index.length >>> 1)) * ROW_SIZE
    view.setUint32(base + RING.hash + 8, 0xffffffff, true)
    view.setUint32(base + RING.hash + 12, 0xffffffff, true)
  }
}

export function writeSlots({ view }: Writer, row: number, values: Uint32Array): void {
  for (let i = 0; i < values.length; i++) view.setUint32(row * ROW_SIZE + i * 4, values[i] as number, true)
}

export function tableRows(table: HashTable | undefined): number {
  if (table === undefined) return 0
  return Math.ceil(table.index.length / (table.kind === 'ring' ? 2 : 8))
}

function spreadOf(group: LayoutGroup): Spread {
  return spread(group.weights ?? group.endpoints.map(() => 1))
}

function isMapped(address: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false
  return address[10] === 0xff && address[11] === 0xff
}

/** Names the owner of an endpoint's state: "1.2.3.4:80", or for IPv6 all eight groups in brackets. */
function ownerText(address: Uint8Array, port: number, mapped: boolean): string {
  if (mapped) return `${address[12]}.${address[13]}.${address[14]}.${address[15]}:${port}`
  const groups: string[] = []
  for (let i = 0; i < 16; i += 2) groups.push((((address[i] as number) << 8) | (address[i + 1] as number)).toString(16))
  return `[${groups.join(':')}]:${port}`
}

function offsets<Name extends string>(layout: Layout, ...names: readonly Name[]): Readonly<Record<Name, number>> {
  const entries = names.map((name) => {
    const field = layout.fields[name]
    if (field === undefined) throw new Error(`${layout.name} has no field ${name}`)
    return [name, field.offset] as const
  })
  return Object.fromEntries(entries) as Record<Name, number>
}
