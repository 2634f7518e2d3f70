/**
 * The files of the maps layer: which table is stored under which name, and how wide its rows are. Both directions read this list.
 *
 * `endpoint.relocations`, like `http.relocations`, is stored as differences (u32, little-endian) between neighbouring offsets, which compress to almost nothing because
 * most endpoints follow each other; in memory (ArtifactTables) it holds the offsets themselves.
 */
import * as abi from '../abi.ts'
import { HTTP_ROW_SIZE, nameKey, nameValue } from '../http/tables.ts'
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
