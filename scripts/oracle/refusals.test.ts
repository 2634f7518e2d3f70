/** Refused or taken, as a real Envoy says: a bounded number of damaged fixtures, always the same. It needs an Envoy ($ENVOY or scripts/setup). No root. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FIXTURES } from '../golden/fixture.ts'
import { fuzzRefusals } from './fuzz-refusals.ts'

const CASES = 60
const SEED = 7
/** few, so that new fixtures do not change what is drawn */
const BASES = [
  'circuit-breakers',
  'families',
  'filter-chain-matches',
  'km1701-http',
  'km2031-hidden-routes',
  'policies',
  'weighted-clusters',
]

test('damaged fixtures are refused or taken as Envoy does', async () => {
  const files = BASES.flatMap((name) => readdirSync(join(FIXTURES, name)).map((file) => join(FIXTURES, name, file))).filter((file) =>
    file.endsWith('snapshot.yaml'),
  )
  assert.is(files.length, BASES.length)
  const { counts, disagreements } = await fuzzRefusals(files, CASES, SEED)
  assert.equal(
    disagreements.map(({ file, what, verdict }) => `${verdict.kind}: ${file} ${what}: ${verdict.ours[0] ?? verdict.envoy}`),
    [],
  )
  assert.is(counts.agree + counts.machine, CASES)
})

test.run()
