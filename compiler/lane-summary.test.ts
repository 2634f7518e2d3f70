/** What `check` says about lanes, of the fixtures that have each of them. */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { analyse } from './compile.ts'
import { createDiagnostics } from './diag/sink.ts'
import { laneText, type LaneSummary } from './lane-summary.ts'

function lanesOf(fixture: string): LaneSummary {
  const bytes = readFileSync(new URL(`../fixtures/${fixture}/snapshot.yaml`, import.meta.url))
  const options = { addresses: [], resolve: new Map(), plaintextTo: new Set<string>(), strict: false }
  return analyse([{ name: 'snapshot.yaml', bytes }], options, createDiagnostics(), () => undefined).lanes
}

test('routes are counted by lane', () => {
  assert.equal(lanesOf('km1704-needs-the-waypoint'), { direct: [], switched: 2, userSpace: 0, waypoint: 2 })
  assert.equal(lanesOf('subsets'), { direct: [], switched: 6, userSpace: 0, waypoint: 0 })
})

test('in words', () => {
  assert.is(
    laneText({ direct: ['a'], switched: 2, userSpace: 0, waypoint: 1 }),
    '1 listener direct, 2 routes switched, 1 route at the waypoint',
  )
  assert.is(laneText({ direct: [], switched: 0, userSpace: 0, waypoint: 0 }), '')
})

test.run()
