/**
 * The soak, for twenty seconds: everything at once (run-soak.ts). What it finds is wrong for some user; `npm run soak:http -- --minutes 60` looks for longer.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runSoak, type SoakReport } from './run-soak.ts'

const SECONDS = 20
/** Turns that even a busy machine gets through. */
const FEW = 500
let report: SoakReport

test.before(async () => {
  report = await runSoak({
    name: `kmf-soak-${process.pid}`,
    seconds: SECONDS,
    seed: 1,
    rate: 150,
    ways: [],
    upheavals: ['apply', 'leave', 'restart', 'replace'],
    calm: 4,
    tell: () => undefined,
  })
})

test('no answer is wrong, lost or stuck, nothing is left taken, the kernel has nothing to complain of', () => {
  assert.equal(report.faults, [])
})

test('every way of a client was gone in some lane, and both lanes were', () => {
  const ways = new Set(Object.values(report.done).flatMap((done) => Object.keys(done)))
  for (const way of ['plain', 'cut', 'pipelined', 'until_close', 'upload', 'labelled', 'closing', 'half', 'gone', 'local', 'frail'])
    assert.ok(ways.has(way), way)
  assert.ok(report.turns > FEW, `${report.turns} turns`)
  assert.ok(report.lanes.kernel > report.lanes.userSpace && report.lanes.userSpace > 0, JSON.stringify(report.lanes))
  assert.ok(Object.keys(report.upheavals).length >= 2, JSON.stringify(report.upheavals))
})

test.run()
