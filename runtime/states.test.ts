import { createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { STATE_SHARD_ROWS, state as layout } from '../proto/abi.ts'
import { fieldOf } from './field.ts'
import { planStates } from './states.ts'

const key = (name: string): Buffer => createHash('sha256').update(name).digest().subarray(0, 16)
const keys = (...names: readonly string[]): Uint8Array => Buffer.concat([Buffer.alloc(16), ...names.map(key)])
const NOBODY = new Uint8Array(0)

const field = (name: string): number => fieldOf(layout, name).offset
const ownerAt = (rows: Uint8Array, row: number): string => Buffer.from(rows).toString('hex', row * layout.size, row * layout.size + 16)

/** One shard as the kernel would hold it after these owners got rows 1, 2, ... */
function shardOf(names: readonly string[], active: Readonly<Record<string, number>> = {}): Buffer {
  const rows = Buffer.from(planStates(keys(...names), new Uint8Array(0), NOBODY).newShards)
  for (const [i, name] of names.entries()) rows.writeUInt32LE(active[name] ?? 0, (i + 1) * layout.size + field('active'))
  return rows
}

const named = (...ids: readonly number[]): Uint8Array => {
  const marks = new Uint8Array(STATE_SHARD_ROWS)
  for (const id of ids) marks[id] = 1
  return marks
}

test('the first apply: ids from 1, one shard, incarnation 1, id 0 stays unused', () => {
  const plan = planStates(keys('a', 'b'), new Uint8Array(0), NOBODY)
  assert.equal([...plan.ids], [0, 1, 2])
  assert.is(plan.newShards.length, STATE_SHARD_ROWS * layout.size)
  assert.is(ownerAt(plan.newShards, 0), '0'.repeat(32))
  assert.is(ownerAt(plan.newShards, 2), key('b').toString('hex'))
  assert.is(Buffer.from(plan.newShards).readUInt32LE(layout.size + field('incarnation')), 1)
  assert.equal(plan.claimed, [])
})

test('an artifact without owners makes no shard', () => {
  assert.is(planStates(keys(), new Uint8Array(0), NOBODY).newShards.length, 0)
  assert.is(planStates(keys(), shardOf(['a']), NOBODY).newShards.length, 0)
})

test('owners keep their ids whatever their order', () => {
  const plan = planStates(keys('c', 'a', 'b'), shardOf(['a', 'b', 'c']), NOBODY)
  assert.equal([...plan.ids], [0, 3, 1, 2])
  assert.equal(plan.claimed, [])
  assert.is(plan.newShards.length, 0)
})

test('new owners take rows that nobody owned before they take rows of owners that left', () => {
  const plan = planStates(keys('x', 'y'), shardOf(['a', 'b']), NOBODY)
  assert.equal([...plan.ids], [0, 3, 4])
  assert.equal(plan.claimed, [3, 4])
  assert.equal([...plan.reclaimed], [])
  assert.is(ownerAt(plan.claimedRows, 1), key('y').toString('hex'))
})

test('a row is given away only when no generation names it and nothing live is counted on it; its incarnation rises', () => {
  const names = Array.from({ length: STATE_SHARD_ROWS - 1 }, (_, i) => `old-${i + 1}`)
  const rows = shardOf(names, { 'old-1': 1, 'old-4': 2 })
  rows.writeBigUInt64LE(77n, 3 * layout.size + field('connections'))
  const plan = planStates(keys('x', 'y'), rows, named(2))
  assert.equal([...plan.ids], [0, 3, 5], '1 and 4 are live, 2 is named')
  assert.equal([...plan.reclaimed], [3, 5])
  const row = Buffer.from(plan.claimedRows)
  assert.is(ownerAt(row, 0), key('x').toString('hex'))
  assert.is(row.readUInt32LE(field('incarnation')), 2)
  assert.is(row.readBigUInt64LE(field('connections')), 0n, 'the new owner begins at nothing')
})

test('an owner that comes back before its row was given away has it again', () => {
  const plan = planStates(keys('b'), shardOf(['a', 'b'], { b: 5 }), NOBODY)
  assert.equal([...plan.ids], [0, 2])
})

test('more owners than rows: new shards behind the old ones', () => {
  const before = shardOf(['a'], { a: 1 })
  const names = Array.from({ length: STATE_SHARD_ROWS + 10 }, (_, i) => `n-${i}`)
  const plan = planStates(keys(...names), before, NOBODY)
  const ids = new Set(plan.ids.subarray(1))
  assert.is(ids.size, names.length, 'no id twice')
  assert.not.ok(ids.has(0))
  assert.not.ok(ids.has(1))
  assert.is(plan.shards, 1)
  assert.is(plan.newShards.length, STATE_SHARD_ROWS * layout.size)
  const [last] = plan.ids.subarray(-1)
  assert.is(ownerAt(plan.newShards, (last as number) - STATE_SHARD_ROWS), key(`n-${names.length - 1}`).toString('hex'))
})

test('claimed rows come ascending, each with its own content', () => {
  const names = Array.from({ length: STATE_SHARD_ROWS - 1 }, (_, i) => `old-${i + 1}`)
  const rows = shardOf(names)
  rows.fill(0, 9 * layout.size, 9 * layout.size + 16)
  const plan = planStates(keys('x', 'y', 'z'), rows, NOBODY)
  assert.equal([...plan.ids], [0, 9, 1, 2])
  assert.equal(plan.claimed, [1, 2, 9])
  assert.equal(
    [0, 1, 2].map((i) => ownerAt(plan.claimedRows, i)),
    ['y', 'z', 'x'].map((name) => key(name).toString('hex')),
  )
})

test.run()
