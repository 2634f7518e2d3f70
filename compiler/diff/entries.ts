/**
 * Which entries of the kernel's tables a change touches. In: both sides. Out: per table, how many rows the new side has that the old one had not, and the other way
 * round. Rows are compared by meaning: indices of chains, clusters and states, which move whenever something is inserted, are replaced by what they stand for.
 */
import { HTTP_ROW_SIZE, nameKey, nameValue } from '../../proto/http/tables.ts'
import * as abi from '../../proto/abi.ts'
import { swap32 } from '../../proto/byte-order.ts'
import type { ArtifactConfig } from '../../proto/artifact/format.ts'
import { STATE_KEY_BYTES, TABLE_FILES } from '../../proto/artifact/table-files.ts'
import type { Compiled } from './compiled.ts'
import { chainFacts, clusterBlock, listenerKeyText, matchKeyText, rowAt, rowCount } from './table-reader.ts'

export type TableName = keyof ArtifactConfig['entries']

export interface TableChange {
  readonly table: TableName
  /** rows that the old side has not */
  readonly written: number
  /** rows that the new side has not */
  readonly removed: number
  /** rows of the new side */
  readonly rows: number
  /** of the rows written, keys and values as they are in the kernel */
  readonly bytes: number
}

const TABLES: readonly TableName[] = ['listener', 'match', 'chain', 'cluster', 'endpoint', 'state']

export function entryChanges(old: Compiled, now: Compiled): readonly TableChange[] {
  const [before, after] = [rowsOf(old), rowsOf(now)]
  return TABLES.map((table) => {
    const counts = new Map<string, number>()
    for (const row of before[table]) counts.set(row, (counts.get(row) ?? 0) + 1)
    let written = 0
    for (const row of after[table]) {
      const left = counts.get(row) ?? 0
      if (left === 0) written++
      else counts.set(row, left - 1)
    }
    const removed = [...counts.values()].reduce((sum, count) => sum + count, 0)
    return { table, written, removed, rows: after[table].length, bytes: written * rowBytes(table) }
  })
}

export function rowBytes(table: TableName): number {
  if (table === 'state') return abi.state.size
  return TABLE_FILES.filter((file) => file.entries === table).reduce((sum, file) => sum + file.rowSize, 0)
}

function rowsOf(compiled: Compiled): Readonly<Record<TableName, readonly string[]>> {
  const { tables } = compiled
  // a weight is the chain's own, in its own rows
  const chain = (index: number): string => {
    const { action, clusters } = chainFacts(compiled, index)
    return JSON.stringify([action, clusters])
  }
  const owners = new Map<number, string>()
  const listener = Array.from({ length: rowCount(tables.listenerKeys, abi.listenerKey) }, (_, index) => {
    const key = listenerKeyText(rowAt(tables.listenerKeys, abi.listenerKey, index))
    const value = rowAt(tables.listenerValues, abi.listenerValue, index)
    if ((value.number('flags') & abi.LISTENER_DYNAMIC) === 0) return `${key} ${chain(value.number('target'))}`
    if (!owners.has(value.number('target'))) owners.set(value.number('target'), key)
    return `${key} dynamic ${chain(value.number('fallback'))}`
  })
  const values = new DataView(tables.matchValues.buffer, tables.matchValues.byteOffset, tables.matchValues.byteLength)
  const match = Array.from({ length: rowCount(tables.matchKeys, abi.matchKey) }, (_, index) => {
    const row = rowAt(tables.matchKeys, abi.matchKey, index)
    return `${owners.get(swap32(row.number('set')))} ${matchKeyText(row)} ${chain(values.getUint32(index * 4, true))}`
  })
  return {
    listener,
    match,
    chain: chainRows(compiled),
    cluster: clusterRows(compiled),
    endpoint: endpointRows(compiled),
    state: stateRows(compiled),
    http: bytesOf(tables.http, HTTP_ROW_SIZE),
    name: bytesOf(tables.nameKeys, nameKey.size).map(
      (key, index) => `${key} ${tables.nameValues.subarray(index * nameValue.size, (index + 1) * nameValue.size).join()}`,
    ),
  }
}

/** Rows of requests name each other by number: a row that moved counts as written, as it is. */
function bytesOf(table: Uint8Array, size: number): readonly string[] {
  return Array.from({ length: table.length / size }, (_, index) => table.subarray(index * size, (index + 1) * size).join())
}

function chainRows(compiled: Compiled): readonly string[] {
  const found: string[] = []
  const count = rowCount(compiled.tables.chain, abi.chain)
  for (let index = 0; index < count; index++) {
    const { action, weights } = chainFacts(compiled, index)
    found.push(weights.length === 0 ? action : `${action} of ${weights.length}`)
    let below = 0n
    for (const { cluster, weight } of weights) {
      below += BigInt(weight)
      found.push(`below ${below}: ${cluster}`)
    }
    index += weights.length
  }
  return found
}

const HEAD = ['policy', 'flags', 'max_connections', 'reason', 'choice_count', 'bias']

function clusterRows(compiled: Compiled): readonly string[] {
  return compiled.names.clusters.map(({ name }, index) => {
    const head = rowAt(compiled.tables.cluster, abi.cluster, index)
    return JSON.stringify([name, ...HEAD.map((field) => head.number(field)), clusterBlock(compiled, index).tiers])
  })
}

/** Bytes of the rows of each cluster, without the indices of states. */
function endpointRows(compiled: Compiled): readonly string[] {
  const bytes = Buffer.from(compiled.tables.endpoint)
  for (const offset of compiled.relocations) bytes.writeUInt32LE(0, offset)
  const count = bytes.length / abi.ROW_SIZE
  const blocks = compiled.names.clusters
    .map(({ name }, index) => ({ name, ...clusterBlock(compiled, index) }))
    .filter(({ tiers }) => tiers > 0)
    .sort((a, b) => a.first - b.first)
  return blocks.flatMap(({ name, first }, index) => {
    const end = blocks[index + 1]?.first ?? count
    return Array.from(
      { length: end - first },
      (_, row) => `${name} ${bytes.toString('latin1', (first + row) * abi.ROW_SIZE, (first + row + 1) * abi.ROW_SIZE)}`,
    )
  })
}

function stateRows({ tables }: Compiled): readonly string[] {
  const keys = Buffer.from(tables.states.buffer, tables.states.byteOffset, tables.states.byteLength)
  return Array.from({ length: keys.length / STATE_KEY_BYTES }, (_, index) =>
    keys.toString('latin1', index * STATE_KEY_BYTES, (index + 1) * STATE_KEY_BYTES),
  )
}
