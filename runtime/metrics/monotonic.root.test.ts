/**
 * No series falls and no sum is wrong, whatever happens to generations and to owners: applies, rollbacks and deltas in a loop under real connections, each of them followed by a scrape; endpoints that leave, come back, and
 * whose rows are given to others.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Artifact } from '../../proto/artifact/format.ts'
import { OWNER_KINDS } from '../../proto/owner-key.ts'
import { artifactsDelta } from '../../scripts/kit/artifacts-delta.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { startDialer } from '../../scripts/kit/dialer.ts'
import { governedArtifact } from '../../scripts/kit/governed-artifact.ts'
import { noMachine } from '../../scripts/kit/no-machine.ts'
import { apply } from '../apply.ts'
import { applyDelta } from '../delta/apply-delta.ts'
import { detach } from '../detach.ts'
import { history } from '../history.ts'
import { existingPins } from '../place.ts'
import { rollback } from '../rollback.ts'
import { boundOf, OWNER_LABELS } from './bound.ts'
import { collect } from './collect.ts'
import { FAMILIES, type FamilyName } from './families.ts'
import { createOwnerNames } from './owners.ts'
import type { Samples } from './samples.ts'

const INSTANCE = `kmu-monotonic-${process.pid}`
const SERVICE = '127.66.30.1'
const host = noMachine()

undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
})

/** One service whose endpoints, where nobody listens, have these numbers. */
const artifact = async (numbers: readonly number[], name = 'shop'): Promise<Artifact> => {
  const endpoints = numbers.map((number) => `127.66.${40 + (number >> 8)}.${number & 255}:8080`)
  return (await governedArtifact([{ name, address: SERVICE, port: 80, endpoints }])).artifact
}
const upTo = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, index) => from + index)
const applied = (what: Artifact, keep?: number) =>
  apply({
    artifact: what,
    instance: INSTANCE,
    diverted: 'refuse',
    mode: 'apply',
    host,
    ...(keep === undefined ? {} : { keep }),
    cgroup: cgroup.path,
  })

const cgroup = makeCgroup('kmu-monotonic')
const dialer = startDialer({ cgroup: cgroup.path })
let dialled = 0
const dial = async (count: number): Promise<void> => {
  await dialer.dial({ protocol: 'tcp', address: SERVICE, port: 80, count })
  dialled += count
}

const COUNTERS = (Object.keys(FAMILIES) as FamilyName[]).filter((name) => FAMILIES[name].type === 'counter')
const series = (samples: Samples): ReadonlyMap<string, number> =>
  new Map(COUNTERS.flatMap((name) => samples.of(name).map(({ labels, value }) => [JSON.stringify([name, labels]), value] as const)))
const sum = (samples: Samples, name: FamilyName): number => samples.of(name).reduce((total, { value }) => total + value, 0)

/** Scrapers with different bounds; each remembers every series that it ever saw, and a restarted one begins with new names. */
const scrapers = [
  { bound: boundOf(OWNER_LABELS, 16_384), seen: new Map<string, number>() },
  { bound: boundOf(OWNER_LABELS, 4), seen: new Map<string, number>() },
  { bound: boundOf(['listener', 'cluster'], 16_384), seen: new Map<string, number>() },
  { bound: boundOf([], 0), seen: new Map<string, number>() },
]

async function scrape(what: string, recreated: 'same' | 'anew' = 'same'): Promise<void> {
  for (const { bound, seen } of scrapers) {
    const samples = await collect({ instance: INSTANCE, bound, names: createOwnerNames() })
    for (const name of ['listenerConnections', 'clusterConnections', 'endpointConnections', 'endpointFailures'] as const)
      assert.is(sum(samples, name), dialled, `${what}: ${name}`)
    for (const [key, value] of series(samples)) {
      const before = seen.get(key) ?? 0
      const isEndpoint = key.includes('"endpoint"') && !key.includes('"departed"') && !key.includes('"other"')
      if (recreated === 'same' || !isEndpoint) assert.ok(value >= before, `${what}: ${key} fell from ${before} to ${value}`)
      seen.set(key, value)
    }
  }
}

test('applies, rollbacks and deltas in a loop', async () => {
  const artifacts = [await artifact([1, 2]), await artifact([2, 3]), await artifact([3, 4, 5])]
  for (let round = 0; round < 4; round++) {
    for (const [index, one] of artifacts.entries()) {
      await applied(one)
      await dial(6)
      await scrape(`round ${round}, artifact ${index}`)
    }
    rollback({ instance: INSTANCE, host })
    await dial(3)
    await scrape(`round ${round}, rolled back`)
    await applyDelta({ delta: await artifactsDelta(artifacts[1] as Artifact, artifacts[0] as Artifact), instance: INSTANCE, host })
    await dial(4)
    await scrape(`round ${round}, delta`)
    await applyDelta({ delta: await artifactsDelta(artifacts[0] as Artifact, artifacts[2] as Artifact), instance: INSTANCE, host })
    await dial(5)
    await scrape(`round ${round}, second delta`)
  }
})

test('an endpoint that comes back after every kept generation forgot it counts anew, and nothing is lost', async () => {
  const [away, back] = [await artifact([7]), await artifact([1, 7])]
  await applied(back, 0)
  await dial(10)
  await scrape('there', 'anew')
  await applied(away, 0)
  await applied(await artifact([8]), 0)
  await applied(away, 0)
  await scrape('departed', 'anew')
  const departed = await collect({ instance: INSTANCE, bound: boundOf(OWNER_LABELS, 16_384), names: createOwnerNames() })
  assert.ok((departed.of('endpointConnections').find(({ labels }) => labels[1]?.[1] === 'departed')?.value ?? 0) >= 5)
  await applied(back, 0)
  await scrape('back by an apply', 'anew')
  await dial(4)
  await scrape('counts again', 'anew')
  await applyDelta({ delta: await artifactsDelta(back, away), instance: INSTANCE, host })
  // one generation is kept beside the one in force, and after two more it is gone
  for (let times = 0; times < 2; times++) {
    await applyDelta({ delta: await artifactsDelta(away, await artifact([7, 9])), instance: INSTANCE, host })
    await applyDelta({ delta: await artifactsDelta(await artifact([7, 9]), away), instance: INSTANCE, host })
  }
  await dial(2)
  await scrape('departed by deltas', 'anew')
  await applyDelta({ delta: await artifactsDelta(away, back), instance: INSTANCE, host })
  await scrape('back by a delta', 'anew')
  await dial(4)
  await scrape('counts again after the delta', 'anew')
})

test('rows that are given to other owners keep nothing and lose nothing', async () => {
  for (const [index, one] of [
    await artifact(upTo(1000, 2500)),
    await artifact(upTo(3000, 4500)),
    await artifact(upTo(5000, 6500)),
  ].entries()) {
    await applied(one, 0)
    await dial(300)
    await scrape(`many ${index}`, 'anew')
  }
  // with an apply that fails after rows were given away
  const failing = apply({
    artifact: await artifact(upTo(7000, 8500)),
    instance: INSTANCE,
    diverted: 'refuse',
    mode: 'apply',
    host,
    steps: (step) => {
      if (step === 'switch') throw new Error('no')
    },
  })
  assert.is(await failing.catch(() => 'failed'), 'failed')
  await scrape('after a failed apply', 'anew')
  await applied(await artifact(upTo(7000, 8500)), 0)
  await dial(300)
  await scrape('after all', 'anew')
  assert.ok(history(INSTANCE).generations.length >= 1)
  assert.equal(Object.values(OWNER_KINDS), [1, 2, 3, 4])
})

test('results of applies are counted', async () => {
  const samples = await collect({ instance: INSTANCE, bound: boundOf([], 0), names: createOwnerNames() })
  const count = (kind: string, result: string): number | undefined =>
    samples.of('applies').find(({ labels }) => labels[0]?.[1] === kind && labels[1]?.[1] === result)?.value
  assert.is(count('artifact', 'failed'), 1)
  assert.is(count('rollback', 'applied'), 4)
  assert.is(count('delta', 'applied'), 14)
  assert.is(count('artifact', 'applied'), 12 + 5 + 4)
})

test.after(() => dialer.stop())

test.run()
