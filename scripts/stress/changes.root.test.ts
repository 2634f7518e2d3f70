/** A short run of `npm run stress`: changes at random, some of whose processes are killed, under decisions and connections; and what its check of order finds. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { outOfOrder, runChanges } from './run-changes.ts'

const SWITCHES = 30
/** The end where a machine has too much else to do. */
const SECONDS = 90

test('what clients see is a part of what came into force, in the same order', () => {
  const order = ['a', 'b', 'c', 'a', 'd']
  assert.equal(outOfOrder(order, ['a', 'b', 'c', 'a', 'd']), [])
  assert.equal(outOfOrder(order, ['b', 'a', 'd']), [])
  assert.equal(outOfOrder(order, ['a', 'd', 'b']), ['b after d, switch 4'])
  assert.equal(outOfOrder(order, ['a', 'x', 'b']), ['x after a, switch 0'])
})

test(`${SWITCHES} changes: nothing is mixed, nothing fails, whoever is killed`, async () => {
  const report = await runChanges({ seed: 7, seconds: SECONDS, switches: SWITCHES, kills: 0.15, threads: 1, tell: () => undefined })
  assert.equal(report.wrong.slice(0, 10), [], `${report.wrong.length} wrong, seed 7`)
  assert.ok(report.switches > 0)
  assert.ok(report.seen > 1, 'clients saw a switch')
  assert.ok(report.decisions > 1000, `${report.decisions} decisions`)
  assert.ok(report.connections > 0)
})

test.run()
