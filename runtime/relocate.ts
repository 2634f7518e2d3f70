/**
 * Replaces the local state indices of an artifact's tables by stable ids. In: tables and ids by local index; out: copies with stable ids.
 * Invariant: an index beyond `ids` never reaches the kernel (it throws; reading the artifact has already checked it).
 */
import { cluster, listenerValue } from '../proto/abi.ts'
import type { ArtifactTables } from '../proto/artifact/format.ts'
import { fieldOf, viewOf } from './field.ts'

export interface RelocatedTables {
  readonly listenerValues: Uint8Array
  readonly cluster: Uint8Array
  readonly endpoint: Uint8Array
  readonly http: Uint8Array
}

export function relocate(tables: ArtifactTables, ids: Uint32Array): RelocatedTables {
  return {
    listenerValues: relocateColumn(tables.listenerValues, listenerValue.size, fieldOf(listenerValue, 'state').offset, ids),
    cluster: relocateColumn(tables.cluster, cluster.size, fieldOf(cluster, 'state').offset, ids),
    endpoint: relocateAt(tables.endpoint, tables.endpointRelocations, ids),
    http: relocateAt(tables.http, tables.httpRelocations, ids),
  }
}

function relocateColumn(table: Uint8Array, rowSize: number, offset: number, ids: Uint32Array): Uint8Array {
  const copy = Uint8Array.from(table)
  const view = viewOf(copy)
  for (let at = offset; at < copy.length; at += rowSize) view.setUint32(at, stable(ids, view.getUint32(at, true)), true)
  return copy
}

function relocateAt(table: Uint8Array, offsets: Uint8Array, ids: Uint32Array): Uint8Array {
  const copy = new Uint8Array(table)
  const view = viewOf(copy)
  const places = viewOf(offsets)
  for (let i = 0; i < offsets.length; i += 4) {
    const at = places.getUint32(i, true)
    view.setUint32(at, stable(ids, view.getUint32(at, true)), true)
  }
  return copy
}

function stable(ids: Uint32Array, local: number): number {
  const id = ids[local]
  if (id === undefined) throw new Error(`state index ${local} of ${ids.length}`)
  return id
}
