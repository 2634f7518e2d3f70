/**
 * Do the rows of an artifact stay inside its tables? In: tables whose sizes are right. Out: nothing, or KM9012.
 * The programs refuse what they cannot find and never read beyond a table, so this protects the meaning, not the kernel.
 */
import * as abi from '../abi.ts'
import type { Field, Layout } from '../layout.ts'
import { HTTP_ROW_SIZE, nameValue } from '../http/tables.ts'
import { ArtifactFault } from './fault.ts'
import type { ArtifactConfig, ArtifactTables, NamesDocument } from './format.ts'

type Entries = ArtifactConfig['entries']

const field = (layout: Layout, name: string): number => (layout.fields[name] as Field).offset

export function checkTables(tables: ArtifactTables, names: NamesDocument, entries: Entries): void {
  if (entries.state < 1) throw new ArtifactFault('KM9012', 'states has no row 0')
  checkListeners(tables, entries)
  checkChains(tables, entries)
  checkClusters(tables, entries)
  checkRelocations('endpoint', tables.endpointRelocations, tables.endpoint, abi.ROW_SIZE, entries)
  checkRelocations('http', tables.httpRelocations, tables.http, HTTP_ROW_SIZE, entries)
  checkNames(tables, entries)
  for (const [row, { state }] of names.listeners.entries()) within(state, entries.state, 'names.json listener', row, 'state')
  for (const { routes } of names.services)
    for (const [row, { state }] of routes.entries()) within(state, entries.state, 'names.json route', row, 'state')
  for (const [row, { state }] of names.clusters.entries()) within(state, entries.state, 'names.json cluster', row, 'state')
  if (names.clusters.length !== entries.cluster)
    throw new ArtifactFault('KM9012', `names.json names ${names.clusters.length} clusters of ${entries.cluster}`)
}

function checkListeners(tables: ArtifactTables, entries: Entries): void {
  const values = viewOf(tables.listenerValues)
  const { size } = abi.listenerValue
  for (let row = 0; row < entries.listener; row++) {
    const read = (name: string): number => values.getUint32(row * size + field(abi.listenerValue, name), true)
    const dynamic = (read('flags') & abi.LISTENER_DYNAMIC) !== 0
    within(read(dynamic ? 'fallback' : 'target'), entries.chain, 'listener.values', row, 'chain')
    within(read('state'), entries.state, 'listener.values', row, 'state')
  }
  const matches = viewOf(tables.matchValues)
  for (let row = 0; row < entries.match; row++) within(matches.getUint32(row * 4, true), entries.chain, 'match.values', row, 'chain')
}

function checkChains(tables: ArtifactTables, entries: Entries): void {
  const view = viewOf(tables.chain)
  const { size } = abi.chain
  const read = (row: number, layout: Layout, name: string): number => view.getUint32(row * size + field(layout, name), true)
  for (let row = 0; row < entries.chain; row++) {
    const kind = read(row, abi.chain, 'kind')
    const target = read(row, abi.chain, 'target')
    if (kind === abi.CHAIN_CLUSTER || kind === abi.CHAIN_PASS) within(target, entries.cluster, 'chain', row, 'cluster')
    else if (kind === abi.CHAIN_WEIGHTED) {
      const count = read(row, abi.chain, 'count')
      if (target !== row + 1) throw new ArtifactFault('KM9012', `chain row ${row}: its weighted clusters are at ${target}, not behind it`)
      within(row + count, entries.chain, 'chain', row, 'last weighted cluster')
      for (let share = target; share < target + count; share++)
        within(read(share, abi.weighted, 'cluster'), entries.cluster, 'chain', share, 'cluster')
      row += count
    } else if (kind === abi.CHAIN_HTTP) within(target, entries.http, 'chain', row, 'service')
    else if (kind !== abi.CHAIN_REFUSE && kind !== abi.CHAIN_DIVERT)
      throw new ArtifactFault('KM9012', `chain row ${row} is of kind ${kind}, which does not exist`)
  }
}

function checkClusters(tables: ArtifactTables, entries: Entries): void {
  const view = viewOf(tables.cluster)
  const { size } = abi.cluster
  for (let row = 0; row < entries.cluster; row++) {
    const read = (name: string): number => view.getUint32(row * size + field(abi.cluster, name), true)
    within(read('policy'), abi.POLICIES.length, 'cluster', row, 'policy')
    within(read('state'), entries.state, 'cluster', row, 'state')
    for (let cell = 0; cell < abi.CLUSTER_CELLS; cell++) {
      const at = row * size + field(abi.cluster, 'cells') + cell * abi.cell.size
      const end = view.getUint32(at + field(abi.cell, 'first'), true) + view.getUint32(at + field(abi.cell, 'tiers'), true)
      within(end, entries.endpoint + 1, 'cluster', row, 'end of its tiers')
    }
  }
}

function checkNames(tables: ArtifactTables, entries: Entries): void {
  const values = viewOf(tables.nameValues)
  for (let row = 0; row < entries.name; row++) {
    for (const name of ['text', 'best'])
      within(values.getUint32(row * nameValue.size + field(nameValue, name), true), Math.max(1, entries.http), 'name.values', row, name)
  }
}

function checkRelocations(table: string, places: Uint8Array, content: Uint8Array, rowSize: number, entries: Entries): void {
  const offsets = viewOf(places)
  const rows = viewOf(content)
  let before = -1
  for (let at = 0; at < offsets.byteLength; at += 4) {
    const offset = offsets.getUint32(at, true)
    if (offset <= before || offset % 4 !== 0) throw new ArtifactFault('KM9012', `${table}.relocations has ${offset} behind ${before}`)
    before = offset
    if (offset + 4 > rows.byteLength)
      throw new ArtifactFault('KM9012', `${table}.relocations leads to byte ${offset} of ${rows.byteLength}`)
    within(rows.getUint32(offset, true), entries.state, table, Math.floor(offset / rowSize), 'state')
  }
}

function within(value: number, limit: number, table: string, row: number, what: string): void {
  if (value >= limit) throw new ArtifactFault('KM9012', `${table} row ${row}: ${what} is ${value}, the most is ${limit - 1}`)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
