/**
 * The files of the maps layer: which table is stored under which name, and how wide its rows are. Both directions read this list.
 *
 * `endpoint.relocations`, like `http.relocations`, is stored as differences (u32, little-endian) between neighbouring offsets, which compress to almost nothing because
 * most endpoints follow each other; in memory (ArtifactTables) it holds the offsets themselves. In the same way `endpoint` is stored with the difference to the state
 * named before in place of each state, and `cluster` with the difference to the first row of the cluster before in place of each first row: so an endpoint that comes or
 * goes changes bytes at one place of each file, and what is behind is only moved.
 */
import * as abi from '../abi.ts'
import { HTTP_ROW_SIZE, nameKey, nameValue } from '../http/tables.ts'
import type { Field } from '../layout.ts'
import type { ArtifactConfig, ArtifactTables } from './format.ts'

export interface TableFile {
  readonly table: keyof ArtifactTables
  /** path in the maps layer */
  readonly path: string
  /** bytes */
  readonly rowSize: number
  /** config.entries that counts its rows; undefined: not a map of its own */
  readonly entries?: keyof ArtifactConfig['entries']
}

const U32 = 4
export const STATE_KEY_BYTES = 16

export const TABLE_FILES: readonly TableFile[] = [
  { table: 'listenerKeys', path: 'maps/listener.keys', rowSize: abi.listenerKey.size, entries: 'listener' },
  { table: 'listenerValues', path: 'maps/listener.values', rowSize: abi.listenerValue.size, entries: 'listener' },
  { table: 'matchKeys', path: 'maps/match.keys', rowSize: abi.matchKey.size, entries: 'match' },
  { table: 'matchValues', path: 'maps/match.values', rowSize: U32, entries: 'match' },
  { table: 'chain', path: 'maps/chain', rowSize: abi.chain.size, entries: 'chain' },
  { table: 'cluster', path: 'maps/cluster', rowSize: abi.cluster.size, entries: 'cluster' },
  { table: 'endpoint', path: 'maps/endpoint', rowSize: abi.ROW_SIZE, entries: 'endpoint' },
  { table: 'states', path: 'maps/states', rowSize: STATE_KEY_BYTES, entries: 'state' },
  { table: 'endpointRelocations', path: 'maps/endpoint.relocations', rowSize: U32 },
  { table: 'http', path: 'maps/http', rowSize: HTTP_ROW_SIZE, entries: 'http' },
  { table: 'nameKeys', path: 'maps/name.keys', rowSize: nameKey.size, entries: 'name' },
  { table: 'nameValues', path: 'maps/name.values', rowSize: nameValue.size, entries: 'name' },
  { table: 'httpRelocations', path: 'maps/http.relocations', rowSize: U32 },
]

export const NAMES_PATH = 'maps/names.json'

/** Offsets -> what is stored. */
export function relocationDifferences(offsets: Uint32Array): Uint8Array {
  const stored = new Uint8Array(offsets.length * U32)
  const view = new DataView(stored.buffer)
  let before = 0
  for (let index = 0; index < offsets.length; index++) {
    const offset = offsets[index] as number
    view.setUint32(index * U32, offset - before, true)
    before = offset
  }
  return stored
}

/** Rows that name states at these offsets -> what is stored: a copy. */
export function stateDifferences(rows: Uint8Array, offsets: Uint32Array): Uint8Array {
  const stored = new Uint8Array(rows)
  const view = new DataView(stored.buffer)
  let before = 0
  for (let index = 0; index < offsets.length; index++) {
    const offset = offsets[index] as number
    const state = view.getUint32(offset, true)
    view.setUint32(offset, state - before, true)
    before = state
  }
  return stored
}

/** What is stored -> the rows, in place. Offsets, as relocationOffsets gives them, are not trusted: it ends at the first that is not inside. */
export function statesInPlace(stored: Uint8Array, offsets: Uint8Array): void {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  const places = new DataView(offsets.buffer, offsets.byteOffset, offsets.byteLength)
  let state = 0
  for (let at = 0; at < places.byteLength; at += U32) {
    const offset = places.getUint32(at, true)
    if (offset + U32 > view.byteLength) return
    state = (state + view.getUint32(offset, true)) >>> 0
    view.setUint32(offset, state, true)
  }
}

const FIRST = (abi.cluster.fields.cells as Field).offset + (abi.cell.fields.first as Field).offset

/** Heads of clusters -> what is stored: a copy. */
export function firstDifferences(heads: Uint8Array): Uint8Array {
  const stored = new Uint8Array(heads)
  const view = new DataView(stored.buffer)
  let before = 0
  for (let at = FIRST; at < stored.length; at += abi.cluster.size) {
    const first = view.getUint32(at, true)
    view.setUint32(at, first - before, true)
    before = first
  }
  return stored
}

/** What is stored -> heads of clusters, in place. */
export function firstsInPlace(stored: Uint8Array): void {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  let first = 0
  for (let at = FIRST; at < stored.length; at += abi.cluster.size) {
    first = (first + view.getUint32(at, true)) >>> 0
    view.setUint32(at, first, true)
  }
}

/** What is stored -> little-endian offsets; undefined when they do not fit in 32 bits. */
export function relocationOffsets(stored: Uint8Array): Uint8Array | undefined {
  const offsets = new Uint8Array(stored.length)
  const from = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  const to = new DataView(offsets.buffer)
  let offset = 0
  for (let at = 0; at < stored.length; at += U32) {
    offset += from.getUint32(at, true)
    if (offset > 0xffffffff) return undefined
    to.setUint32(at, offset, true)
  }
  return offsets
}
