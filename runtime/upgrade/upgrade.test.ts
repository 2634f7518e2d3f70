/** Which rows come along when layouts differ, and how. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { layout } from '../../proto/layout.ts'
import { type FieldLayout, type LayoutsDocument, layoutsDocument, mapDigest } from '../../proto/map-layouts.ts'
import { fatesOf, fateText } from './fates.ts'
import { fieldsLost, fieldsNew, moveRows, type RowForm } from './move-rows.ts'

const form = (spec: Parameters<typeof layout>[2]): RowForm => {
  const { size, fields } = layout('t', '', spec)
  return { size, fields: Object.values(fields) }
}

test('rows go over field by field, whatever their order', () => {
  const from = form({ key: ['u8[4]', ''], active: ['u32', ''], gone: ['u32', ''], narrow: ['u32', ''], sum: ['u64', ''] })
  const to = form({ sum: ['u64', ''], narrow: ['u64', ''], added: ['u32', ''], active: ['u32', ''], key: ['u8[4]', ''], pad: ['u32', ''] })
  const rows = Buffer.alloc(2 * from.size)
  for (const [at, number] of [
    [0, 1],
    [from.size, 100],
  ] as const) {
    rows.fill(number, at, at + 4)
    rows.writeUInt32LE(number + 1, at + 4)
    rows.writeUInt32LE(0xdead, at + 8)
    rows.writeUInt32LE(0xffffffff, at + 12)
    rows.writeBigUInt64LE(2n ** 63n + BigInt(number), at + 16)
  }
  const moved = moveRows(rows, from, to)
  assert.is(moved.length, 2 * to.size)
  for (const [at, number] of [
    [0, 1],
    [to.size, 100],
  ] as const) {
    assert.is(moved.readBigUInt64LE(at), 2n ** 63n + BigInt(number))
    assert.is(moved.readBigUInt64LE(at + 8), 0xffffffffn)
    assert.equal([moved.readUInt32LE(at + 16), moved.readUInt32LE(at + 20)], [0, number + 1])
    assert.equal([...moved.subarray(at + 24, at + 32)], [number, number, number, number, 0, 0, 0, 0])
  }
  assert.equal([fieldsLost(from, to), fieldsNew(from, to)], [['gone'], ['added', 'pad']])
})

test('a number that gets narrower, or more of them, does not come along', () => {
  const [wide, narrow] = [form({ a: ['u64', ''] }), form({ a: ['u32', ''] })]
  assert.equal(fieldsLost(wide, narrow), ['a'])
  assert.equal(fieldsLost(form({ a: ['u8[4]', ''] }), form({ a: ['u8[8]', ''] })), ['a'])
  assert.equal([...moveRows(Buffer.alloc(8, 7), wide, narrow)], [0, 0, 0, 0])
})

const ours = layoutsDocument()
/** Ours with another field behind those of a map's rows. */
function widened(...names: readonly string[]): LayoutsDocument {
  const maps = { ...ours.maps }
  const added: FieldLayout = { name: 'added', type: 'u64', count: 1, offset: 4096 }
  for (const name of names) {
    const map = maps[name]
    if (map !== undefined) maps[name] = { ...map, value: [...(map.value ?? []), added] }
  }
  return { ...ours, digest: 'other', maps }
}
const fate = (held: LayoutsDocument, name: string) => fatesOf(held, ours).of.get(name)

test('maps of one layout stay, those that decide never do', () => {
  assert.equal([...new Set(['km_state', 'km_failure', 'km_seats', 'km_sockets', 'km_flows'].map((name) => fate(ours, name)))], ['shared'])
  for (const name of ['km_generation', 'km_record', 'km_cluster', 'km_program_connect4', 'km_clients', 'km_source'])
    assert.is(fate(ours, name), 'anew', name)
})

test('a wider state row: rows are moved, sockets stay known', () => {
  const held = widened('km_state')
  assert.is.not(mapDigest(held, 'km_state'), mapDigest(ours, 'km_state'))
  assert.is(fate(held, 'km_state'), 'moved')
  assert.is(fate(held, 'km_seats'), 'shared')
  assert.is(fatesOf(held, ours).sockets, 'known')
  assert.match(fateText(held, ours, fatesOf(held, ours), 3), /km_seats.* stay; rows of km_state \(-added\) are moved$/)
})

test('another record of sockets: all of them are strangers, and it is said how many', () => {
  const held = widened('km_flows')
  const fates = fatesOf(held, ours)
  assert.is(fates.sockets, 'strangers')
  for (const name of ['km_seats', 'km_sockets', 'km_flows']) assert.is(fates.of.get(name), 'lost', name)
  assert.is(fates.of.get('km_state'), 'moved', 'without what strangers hold')
  assert.is(fates.of.get('km_failure'), 'shared')
  assert.match(fateText(held, ours, fates, 3), /3 open connections go on and no longer count/)
  assert.not.match(fateText(held, ours, fates, 0), /open connections/)
})

test('rows that cannot be found by id: everything that names ids is lost', () => {
  const state = ours.maps.km_state as NonNullable<LayoutsDocument['maps'][string]>
  const held = { ...ours, maps: { ...ours.maps, km_state: { ...state, inner: { ...state.inner, entries: 8 } } } } as LayoutsDocument
  for (const name of ['km_state', 'km_failure', 'km_seats', 'km_sockets', 'km_flows']) assert.is(fate(held, name), 'lost', name)
})

test.run()
