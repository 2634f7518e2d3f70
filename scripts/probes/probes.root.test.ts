/**
 * Every probe of every fixture before three judges: the interpreter says what is to be expected, the kernel and a real Envoy are dialled (invariant 5).
 * Both run side by side, one fixture after the other. What Envoy is not asked is counted and printed with its reason.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { openToolchain } from '../../compiler/emit/clang.ts'
import { fixtureNames, readFixture } from '../golden/fixture.ts'
import { readEnvoySkip } from './envoy-skip.ts'
import { judgeByEnvoy, judgeByKernel, type Judgement } from './judge-cases.ts'
import { type JudgedCase, toJudgedCase } from './judged-case.ts'

const toolchain = await openToolchain()
const cases: JudgedCase[] = []
for (const name of fixtureNames()) {
  const diag = createDiagnostics()
  const fixture = readFixture(name, diag)
  if (fixture.probes.length === 0) continue
  const judged = await toJudgedCase(fixture, toolchain, diag)
  if (judged !== undefined) cases.push(judged)
}
const skips = new Map(cases.map(({ name }) => [name, readEnvoySkip(name)]))
const kernel = judgeByKernel(cases)
const envoy = judgeByEnvoy(cases, (name) => readEnvoySkip(name))

const reported = async (judgements: ReadonlyMap<string, Promise<Judgement>>, name: string): Promise<readonly string[]> =>
  (await (judgements.get(name) as Promise<Judgement>)).wrong

for (const { name, probes } of cases) {
  test(`${name}: ${probes.length} probes in the kernel`, async () => assert.equal(await reported(kernel, name), []))
  test(`${name}: ${probes.length} probes in Envoy`, async () => assert.equal(await reported(envoy, name), []))
}

test('each skip is about a probe that is there', () => {
  const stale = cases.flatMap(({ name, probes }) =>
    Object.keys(skips.get(name)?.probes ?? {})
      .filter((id) => probes.every((probe) => probe.id !== id))
      .map((id) => `${name}: ${id}`),
  )
  assert.equal(stale, [])
})

test('nearly every probe is judged by all three', async () => {
  const sum = async (judgements: ReadonlyMap<string, Promise<Judgement>>, what: 'probes' | 'dials'): Promise<number> =>
    (await Promise.all(judgements.values())).reduce((total, judgement) => total + judgement[what], 0)
  const all = cases.reduce((total, { probes }) => total + probes.length, 0)
  const skipped = [...skips].flatMap(([name, { probes }]) => Object.entries(probes).map(([id, why]) => `${name} ${id}: ${why}`))
  console.log(`\n${all} probes of ${cases.length} fixtures: kernel ${await sum(kernel, 'probes')} (${await sum(kernel, 'dials')} dials)`)
  console.log(
    `envoy ${await sum(envoy, 'probes')} (${await sum(envoy, 'dials')} dials), skipped ${skipped.length}:\n  ${skipped.join('\n  ')}`,
  )
  assert.is(await sum(kernel, 'probes'), all)
  assert.is(await sum(envoy, 'probes'), all - skipped.length)
  assert.ok(skipped.length < all / 4, `${skipped.length} of ${all} are skipped`)
})

test.run()
