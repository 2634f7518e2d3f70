/** A few random services before all three judges; `npm run fuzz:l4` draws as many as one likes. And that a wrong meaning would be noticed. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openToolchain } from '../../compiler/emit/clang.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { fuzz, snapshotOf } from './fuzz.ts'
import { judgeByEnvoy, judgeByKernel } from './judge-cases.ts'
import { type JudgedCase, toJudgedCase } from './judged-case.ts'
import { randomCase } from './random-case.ts'

const SEED = 7
const CASES = 30

test(`${CASES} random services: interpreter, kernel and Envoy agree`, async () => {
  const { judged, wrong } = await fuzz({ seed: SEED, first: 0, cases: CASES }, () => {})
  assert.equal([...wrong], [])
  assert.is(judged.cases, CASES)
  assert.ok(judged.probes >= CASES && judged.kernelDials > CASES && judged.envoyDials > CASES)
})

test('both judges notice when something else is expected', async () => {
  const one = await toJudgedCase(snapshotOf([randomCase(SEED, 1), randomCase(SEED, 2)]), await openToolchain(), createDiagnostics())
  assert.ok(one !== undefined)
  const { expected } = one as JudgedCase
  const [first, second] = [expected[0], expected.at(-1)]
  assert.not.equal(first?.decision, second?.decision)
  const crossed = { ...(one as JudgedCase), expected: [{ ...first, decision: second?.decision }] } as JudgedCase
  for (const judgements of [judgeByKernel([crossed]), judgeByEnvoy([crossed], () => ({ resources: {}, probes: {} }))]) {
    const judgement = await judgements.get(crossed.name)
    assert.is(judgement?.wrong.length, 1, JSON.stringify(judgement))
  }
})

test.run()
