/** Each name has a bucket of its own, in a table of bounded size; what cannot have one is said. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { INTEREST_MAX } from './matching.ts'
import { nameTable } from './name-table.ts'

const PARTS = ['x', 'user', 'forwarded', 'client', 'id', 'token', 'region', 'beta_1', 'trace.b3', 'a']
const nameOf = (seed: number): string => [3, 7, 11].map((step) => PARTS[(seed * step + Math.floor(seed / 5)) % PARTS.length]).join('-')

test('as many names as a service may have, alone in their buckets', () => {
  for (let count = 0; count <= INTEREST_MAX; count++)
    for (const first of [0, 40, 80]) {
      const names = [...new Set(Array.from({ length: count }, (_, at) => `${nameOf(first + at)}${at}`.slice(-32)))]
      const table = nameTable(names)
      assert.ok(table !== undefined, names.join())
      assert.equal(
        [...table.buckets].filter((slot) => slot !== undefined).sort((a, b) => a - b),
        [...names.keys()],
      )
      assert.ok(table.buckets.length <= 256)
    }
})

test('names that begin or end alike are told apart', () => {
  for (const names of [
    ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port'],
    ['a-session-id', 'b-session-id', 'session-id'],
    ['a', 'b', 'ab', 'ba', 'a-', 'a_', 'aaaaaaa', 'aaaaaaaa', 'aaaaaaaaa'],
  ])
    assert.ok(nameTable(names) !== undefined, names.join())
})

test('names that are too long, empty, or alike at both ends have no table', () => {
  assert.is(nameTable(['x'.repeat(33)]), undefined)
  assert.is(nameTable(['']), undefined)
  assert.is(nameTable(['12345678-a-12345678', '12345678-b-12345678']), undefined)
})

test.run()
