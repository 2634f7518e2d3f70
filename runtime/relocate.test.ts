import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cluster, listenerValue, ROW_SIZE } from '../proto/abi.ts'
import type { ArtifactTables } from '../proto/artifact/format.ts'
import { fieldOf, packRow, rowReader } from './field.ts'
import { relocate } from './relocate.ts'

const EMPTY = new Uint8Array(0)
const NONE: ArtifactTables = {
  listenerKeys: EMPTY,
  listenerValues: EMPTY,
  matchKeys: EMPTY,
  matchValues: EMPTY,
  chain: EMPTY,
  cluster: EMPTY,
  endpoint: EMPTY,
  states: EMPTY,
  endpointRelocations: EMPTY,
  http: EMPTY,
  nameKeys: EMPTY,
  nameValues: EMPTY,
  httpRelocations: EMPTY,
}

test('listener and cluster columns, and the places that the relocations name, get stable ids; the artifact stays as it is', () => {
  const endpoint = new Uint8Array(2 * ROW_SIZE).fill(1)
  const view = new DataView(endpoint.buffer)
  view.setUint32(24, 1, true)
  view.setUint32(ROW_SIZE + 4, 3, true)
  const tables: ArtifactTables = {
    ...NONE,
    listenerValues: Buffer.concat([packRow(listenerValue, { target: 9, state: 2 }), packRow(listenerValue, { target: 8, state: 1 })]),
    cluster: packRow(cluster, { policy: 4, state: 3, max_connections: 1024 }),
    endpoint,
    endpointRelocations: new Uint8Array(Uint32Array.of(24, ROW_SIZE + 4).buffer),
  }
  const original = Uint8Array.from(endpoint)
  const ids = Uint32Array.of(0, 501, 502, 70_003)
  const moved = relocate(tables, ids)
  const values = rowReader(listenerValue, moved.listenerValues)
  assert.equal([values.number(0, 'state'), values.number(listenerValue.size, 'state'), values.number(0, 'target')], [502, 501, 9])
  const heads = rowReader(cluster, moved.cluster)
  assert.equal([heads.number(0, 'state'), heads.number(0, 'policy'), heads.number(0, 'max_connections')], [70_003, 4, 1024])
  const rows = new DataView(moved.endpoint.buffer, moved.endpoint.byteOffset)
  assert.equal([rows.getUint32(24, true), rows.getUint32(ROW_SIZE + 4, true), rows.getUint32(0, true)], [501, 70_003, 0x01010101])
  assert.equal(endpoint, original)
})

test('an index without id throws', () => {
  const head = packRow(cluster, { state: 7 })
  assert.is(head.readUInt32LE(fieldOf(cluster, 'state').offset), 7)
  assert.throws(() => relocate({ ...NONE, cluster: head }, Uint32Array.of(0, 1)))
})

test.run()
