/** A few hundred random route configurations before the interpreter and a real Envoy; `npm run fuzz:envoy` draws as many as one likes. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { askEnvoy } from './ask-envoy.ts'
import { fuzzRouting, judge, newTally } from './fuzz-routing.ts'
import { randomRoutingCase } from './random-case.ts'
import type { Verdict } from './routing-case.ts'

const SEED = 11
const CASES = 300
const PORT = 21_900

test(`${CASES} random route configurations: interpreter and Envoy agree`, async () => {
  const tally = newTally()
  assert.equal(await fuzzRouting({ seed: SEED, first: 0, count: CASES, port: PORT }, tally), [])
  assert.is(tally.cases, CASES)
  assert.is(tally.undecided, 0)
  assert.ok(tally.refused > 30 && tally.pairs > 4000, JSON.stringify(tally))
})

test('a case is the same whichever others are drawn', () => {
  assert.equal(randomRoutingCase(SEED, 5), randomRoutingCase(SEED, 5))
  assert.not.equal(randomRoutingCase(SEED, 5).route_config, randomRoutingCase(SEED, 6).route_config)
})

test('a judge notices when Envoy does something else', async () => {
  const routes = (cluster: string): readonly object[] => [{ match: { prefix: '/' }, route: { cluster } }]
  const one = {
    id: 'case',
    route_config: { name: 'rc', virtual_hosts: [{ name: 'v', domains: ['*'], routes: routes('c0') }] },
    requests: [{ method: 'GET', authority: 'a', path: '/', headers: [] }],
  } as const
  const [verdict] = (await askEnvoy([one as never], { port: PORT })) as readonly [Verdict]
  assert.equal(judge(one as never, verdict, newTally()), [])
  const other = { ...one, route_config: { name: 'rc', virtual_hosts: [{ name: 'v', domains: ['*'], routes: routes('c1') }] } }
  assert.equal(
    judge(other as never, verdict, newTally()).map(({ why }) => why),
    [['cluster "c1", Envoy "c0"']],
  )
  assert.is(judge(one as never, { kind: 'refused', error: 'no' }, newTally()).length, 1)
})

test.run()
