import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { codesOf } from '../../scripts/kit/codes-of.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import type { Delta } from '../../proto/delta/format.ts'
import { artifactsDelta as delta } from '../../scripts/kit/artifacts-delta.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { watchCalls } from '../../scripts/kit/faults.ts'
import { governedArtifact, type Service } from '../../scripts/kit/governed-artifact.ts'
import { heldDescriptors, kernelView } from '../../scripts/kit/kernel-view.ts'
import { noMachine } from '../../scripts/kit/no-machine.ts'
import { ROW_SIZE } from '../../proto/abi.ts'
import { apply } from '../apply.ts'
import { CodedError } from '../coded-error.ts'
import { detach } from '../detach.ts'
import { dump } from '../dump.ts'
import { history } from '../history.ts'
import { existingPins } from '../place.ts'
import { plan } from '../plan/plan.ts'
import { planDelta } from '../plan/plan-delta.ts'
import { rollback } from '../rollback.ts'
import { tryLock } from '../sys/lock.ts'
import { readyForDeltas } from './ready.ts'
import { applyDelta, DELTA_STEPS, type DeltaRequest, type DeltaStep } from './apply-delta.ts'

const INSTANCE = `kmh-delta-${process.pid}`
const host = noMachine()

undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
})

/** Services a and b with these endpoints. */
async function artifact(a: readonly number[], b: readonly number[]): Promise<Artifact> {
  const service = (name: string, third: number, endpoints: readonly number[]): Service => ({
    name,
    address: `127.68.7.${third}`,
    port: 80,
    endpoints: endpoints.map((last) => `127.68.8.${last}:80`),
  })
  return (await governedArtifact([service('a', 1, a), service('b', 2, b)])).artifact
}

const applied = (what: Artifact) => apply({ artifact: what, instance: INSTANCE, diverted: 'refuse', mode: 'apply', host })
const changed = (what: Delta, more: Partial<DeltaRequest> = {}) => applyDelta({ delta: what, instance: INSTANCE, host, ...more })
/** What the kernel holds, by name, without its number. */
const held = (): unknown => {
  const { listeners, clusters } = dump(INSTANCE)
  return { listeners, clusters }
}
const endpoints = (name: string): readonly string[] =>
  dump(INSTANCE)
    .clusters.find((cluster) => cluster.name === name)
    ?.tiers.flatMap(({ groups }) => groups.flatMap((group) => group.endpoints.map(({ address }) => address))) ?? []
const last = (name: string): string =>
  endpoints(name)
    .map((text) => text.replace(/^127\.68\.8\.|:80$/g, ''))
    .join()

const one = await artifact([1], [2])
const two = await artifact([1, 3], [2])
const three = await artifact([3], [2, 4, 5])

test('base and delta make what the whole artifact makes', async () => {
  await applied(two)
  const whole = held()
  detach(INSTANCE)
  await applied(one)
  const report = await changed(await delta(one, two))
  assert.equal(held(), whole)
  assert.is(report.generation, 2)
  assert.is(report.artifact, two.digest)
  assert.is(report.newStates, 1)
  const before = kernelView(INSTANCE).entries
  await changed(await delta(two, three))
  assert.is(last('a'), '3')
  assert.is(last('b'), '2,4,5')
  const after = kernelView(INSTANCE).entries
  assert.equal(after, before, 'no map of maps and no program slot was written')
  assert.equal(heldDescriptors().length, 2, 'but the two maps of grace periods')
})

test('each generation sees its own versions, back and forth', async () => {
  rollback({ instance: INSTANCE, to: 1, host })
  assert.is(`${last('a')} ${last('b')}`, '1 2')
  rollback({ instance: INSTANCE, to: 2, host })
  assert.is(`${last('a')} ${last('b')}`, '1,3 2')
  rollback({ instance: INSTANCE, to: 3, host })
  assert.is(`${last('a')} ${last('b')}`, '3 2,4,5')
})

test('what a rollback went behind is not seen by the next delta', async () => {
  rollback({ instance: INSTANCE, to: 1, host })
  // a changes, b does not: a stale version of b, of generation 3, would be newer than the one of 1
  const report = await changed(await delta(one, two))
  assert.is(report.generation, 4)
  assert.is(`${last('a')} ${last('b')}`, '1,3 2')
  assert.equal(
    history(INSTANCE).generations.map(({ generation }) => generation),
    [4, 1],
  )
})

test('another base is refused with its digest, and nothing is changed', async () => {
  const before = kernelView(INSTANCE)
  assert.equal(await codesOf(async () => changed(await delta(one, three))), ['KM9137'])
  assert.equal(kernelView(INSTANCE), before)
})

test('one that fails at any step changes nothing', async () => {
  const next = await delta(two, three)
  for (const step of DELTA_STEPS) {
    if (step === 'settle') continue
    const before = kernelView(INSTANCE)
    const shown = held()
    const failing = (name: DeltaStep): void => {
      if (name === step) throw new CodedError([{ code: 'KM9125', severity: 'error', message: step, path: '' }])
    }
    assert.equal(await codesOf(() => changed(next, { steps: failing })), ['KM9125'])
    assert.equal({ ...kernelView(INSTANCE), owners: {} }, { ...before, owners: {} }, step)
    assert.equal(held(), shown, step)
  }
})

test('many deltas in a row: versions and records come round, the last three stay', async () => {
  detach(INSTANCE)
  await applied(one)
  const there = await delta(one, two)
  const back = await delta(two, one)
  for (let round = 0; round < 12; round++) {
    await changed(round % 2 === 0 ? there : back)
    assert.is(last('a'), round % 2 === 0 ? '1,3' : '1')
  }
  const generations = history(INSTANCE).generations.map(({ generation }) => generation)
  assert.equal(generations.slice(0, 4), [13, 12, 11, 10])
  rollback({ instance: INSTANCE, to: 10, host })
  assert.is(last('a'), '1,3')
  rollback({ instance: INSTANCE, to: 11, host })
  assert.is(last('a'), '1')
})

test('no room: the whole artifact is asked for, and makes room', async () => {
  const many = await artifact(
    Array.from({ length: 30 }, (_, index) => index + 1),
    [2],
  )
  await applied(many)
  const fewer = await artifact(
    Array.from({ length: 29 }, (_, index) => index + 1),
    [2],
  )
  await changed(await delta(many, fewer))
  await changed(await delta(fewer, many))
  const before = held()
  const { live, owners } = kernelView(INSTANCE)
  assert.equal(await codesOf(async () => changed(await delta(many, fewer))), ['KM9138'])
  assert.equal(held(), before)
  assert.equal([kernelView(INSTANCE).live, kernelView(INSTANCE).owners], [live, owners])
  await applied(fewer)
  assert.is(endpoints('a').length, 29)
})

test('spare rows run out delta by delta, and not before: the plan of the whole artifact says what it gives back', async () => {
  await applied(one)
  const there = await delta(one, two)
  const back = await delta(two, one)
  const planned = (what: Artifact) => plan({ artifact: what, instance: INSTANCE, diverted: 'refuse', host })
  const { now: all } = (await planned(one)).spare ?? { now: 0 }
  let left = all
  let count = 0
  for (; ; count++) {
    const next = count % 2 === 0 ? there : back
    const needed = next.rows.length / ROW_SIZE
    if (needed > left) break
    assert.is((await changed(next)).spare, left - needed)
    left -= needed
  }
  assert.ok(count > 5, `${count} deltas`)
  const [full, next] = count % 2 === 0 ? [one, there] : [two, back]
  assert.equal(await codesOf(() => changed(next)), ['KM9138'])
  assert.is((await planDelta({ delta: next, instance: INSTANCE, host })).delta?.room, 'none')
  assert.equal((await planned(full)).spare, { now: left, after: all })
  // the same artifact again, in a table of its own: whatever is in force stays a way back
  const before = held()
  await applied(full)
  assert.equal(held(), before)
  assert.equal((await planned(full)).spare, { now: all, after: all })
  await changed(next)
  rollback({ instance: INSTANCE, host })
  assert.equal(held(), before)
})

test('a delta with new endpoints makes no map system call, but for the wait beside it', async () => {
  await applied(one)
  await changed(await delta(one, two))
  const next = await delta(two, three)
  const calls = watchCalls(() => undefined)
  const { newStates } = await changed(next).finally(calls.stop)
  assert.ok(newStates > 0)
  assert.ok(calls.names.includes('mmap'))
  // none where the wait for the delta before goes on
  const made = calls.names.filter((name) => /^bpf_map/.test(name))
  assert.ok(made.length <= 1 && made.every((name) => name === 'bpf_map_update_elem'), made.join())
})

test('made ready, the first delta reads no row that it does not name; while another runtime works nothing is looked up', async () => {
  await applied(one)
  const { pins } = existingPins(INSTANCE) as NonNullable<ReturnType<typeof existingPins>>
  const lock = tryLock(pins.root)
  const without = watchCalls(() => undefined)
  readyForDeltas(INSTANCE)
  without.stop()
  assert.not.ok(without.names.includes('bpf_map_lookup_batch'), without.names.join())
  lock?.release()
  const ready = watchCalls(() => undefined)
  readyForDeltas(INSTANCE)
  readyForDeltas(INSTANCE)
  ready.stop()
  const reads = ready.names.filter((name) => name === 'bpf_map_lookup_batch').length
  assert.ok(reads > 0)
  const calls = watchCalls(() => undefined)
  await changed(await delta(one, two)).finally(calls.stop)
  assert.not.ok(calls.names.includes('bpf_map_lookup_batch'), calls.names.join())
  assert.is(last('a'), '1,3')
  // somebody else gave rows away: what is remembered no longer counts
  await applied(two)
  const stale = watchCalls(() => undefined)
  await changed(await delta(two, three)).finally(stale.stop)
  assert.ok(stale.names.includes('bpf_map_lookup_batch'))
  readyForDeltas('kmesh-none-of-this-name')
})

test('nothing is left', () => {
  detach(INSTANCE)
  assert.equal(kernelView(INSTANCE).pins, {})
})

test.run()
