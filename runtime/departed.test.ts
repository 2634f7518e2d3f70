import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cell, cluster, endpoint, group, ROW_SIZE, tier } from '../proto/abi.ts'
import { countEndpoints, departedEndpoints, type EndpointTables } from './departed.ts'
import { fieldOf, packRow } from './field.ts'
import { versionOf } from './walk.ts'

const CELLS = fieldOf(cluster, 'cells').offset

function endpointRow(last: number, port: number): Buffer {
  return packRow(endpoint, { address: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 96, 0, last]), port, state: last })
}

/** One cluster with one tier and two groups, its rows beginning at row `first` of a table. */
function tables(first: number, one: readonly Buffer[], two: readonly Buffer[]): EndpointTables {
  const rows = [
    ...Array.from({ length: first }, () => Buffer.alloc(ROW_SIZE, 0xff)),
    packRow(tier, { upto: 100, group: 1, groups: 2 }),
    packRow(group, { upto: 1, first: 3, count: one.length }),
    packRow(group, { upto: 2, first: 3 + one.length, count: two.length }),
    ...one,
    ...two,
  ]
  const head = packRow(cluster, {})
  packRow(cell, { generation: 1, first, tiers: 1 }).copy(head, CELLS)
  return { cluster: head, endpoint: Buffer.concat(rows), generation: 4n }
}

test('endpoints of all groups are found, wherever the rows of the cluster begin', () => {
  assert.is(countEndpoints(tables(0, [endpointRow(1, 80)], [endpointRow(2, 80), endpointRow(3, 80)])), 3)
  assert.is(countEndpoints(tables(7, [endpointRow(1, 80)], [endpointRow(2, 80)])), 2)
})

test('rows beyond the table are not read', () => {
  const cut = tables(0, [endpointRow(1, 80)], [endpointRow(2, 80)])
  assert.is(countEndpoints({ ...cut, endpoint: cut.endpoint.subarray(0, 4 * ROW_SIZE) }), 1)
  assert.is(countEndpoints({ ...cut, endpoint: new Uint8Array(0) }), 0)
})

test('who left: by address and port, each once, moves between groups do not count', () => {
  const before = tables(0, [endpointRow(1, 80), endpointRow(2, 80)], [endpointRow(1, 80), endpointRow(3, 80), endpointRow(3, 81)])
  const after = tables(5, [endpointRow(3, 80)], [endpointRow(2, 80)])
  assert.equal(
    departedEndpoints(before, after).map(({ address, port }) => [address[15], port]),
    [
      [1, 80],
      [3, 81],
    ],
  )
  assert.equal(departedEndpoints(before, before), [])
})

test('the newest version that is not newer than the generation counts', () => {
  const head = packRow(cluster, {})
  packRow(cell, { generation: 3, first: 30, tiers: 1 }).copy(head, CELLS)
  packRow(cell, { generation: 1, first: 10, tiers: 1 }).copy(head, CELLS + cell.size)
  packRow(cell, { generation: 5, first: 50, tiers: 0 }).copy(head, CELLS + 2 * cell.size)
  assert.equal(versionOf(head, 0, 2n), { generation: 1n, first: 10, tiers: 1 })
  assert.equal(versionOf(head, 0, 4n), { generation: 3n, first: 30, tiers: 1 })
  assert.equal(versionOf(head, 0, 9n), { generation: 5n, first: 50, tiers: 0 })
  assert.is(versionOf(packRow(cluster, {}), 0, 9n), null)
})

test.run()
