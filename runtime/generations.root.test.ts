import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { codesOf } from '../scripts/kit/codes-of.ts'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { governedArtifact, type Service } from '../scripts/kit/governed-artifact.ts'
import { heldDescriptors, kernelView } from '../scripts/kit/kernel-view.ts'
import { noMachine } from '../scripts/kit/no-machine.ts'
import { apply } from './apply.ts'
import type { ApplyReport, ApplyRequest } from './apply-request.ts'
import { CodedError } from './coded-error.ts'
import { confirm } from './confirm.ts'
import { detach } from './detach.ts'
import { gc } from './gc.ts'
import { history } from './history.ts'
import { existingPins } from './place.ts'
import { rollback } from './rollback.ts'
import { status } from './status.ts'
import { update } from './sys/libbpf-map.ts'
import { openPin } from './sys/libbpf-pin.ts'
import { closeSync } from 'node:fs'
import { endpoint as endpointLayout } from '../proto/abi.ts'
import { readTable } from './epoch.ts'

const INSTANCE = `kmh-generations-${process.pid}`
const host = noMachine()
const service = (endpoints: number): Service => ({
  name: 'shop',
  address: '127.68.1.1',
  port: 80,
  endpoints: Array.from({ length: endpoints }, (_, index) => `127.68.2.${index + 1}:8080`),
})
/** Artifact n has n endpoints. */
const artifacts = await Promise.all([1, 2, 3, 4, 5].map(async (count) => (await governedArtifact([service(count)])).artifact))
const artifact = (count: number): ApplyRequest['artifact'] => artifacts[count - 1] as ApplyRequest['artifact']

undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
})

const applied = (count: number, more: Partial<ApplyRequest> = {}): Promise<ApplyReport> =>
  apply({ artifact: artifact(count), instance: INSTANCE, diverted: 'refuse', mode: 'apply', host, ...more })

const endpoints = (): number => status(INSTANCE).clusters[0]?.endpoints.length ?? 0
const states = (): readonly string[] => history(INSTANCE).generations.map(({ generation, state }) => `${generation} ${state}`)
const now = (): number => Math.floor(Date.now() / 1000)

test('the last three stay; a rollback is one switch, back and forth', async () => {
  for (const count of [1, 2, 3, 4, 5]) await applied(count)
  assert.equal(states(), ['5 live', '4 retained', '3 retained', '2 retained'])
  const report = rollback({ instance: INSTANCE, host })
  assert.is(report.generation, 4)
  assert.is(report.artifact, artifact(4).digest)
  assert.equal(report.previous, { generation: 5, artifact: artifact(5).digest })
  assert.is(endpoints(), 4)
  assert.equal(states(), ['5 abandoned', '4 live', '3 retained', '2 retained'])
  rollback({ instance: INSTANCE, to: 2, host })
  assert.is(endpoints(), 2)
  assert.equal(states(), ['5 abandoned', '4 abandoned', '3 abandoned', '2 live'])
  assert.equal(await codesOf(() => rollback({ instance: INSTANCE, host })), ['KM9127'])
  assert.equal(await codesOf(() => rollback({ instance: INSTANCE, to: 2, host })), ['KM9127'])
  assert.equal(await codesOf(() => rollback({ instance: INSTANCE, to: 1, host })), ['KM9127'])
  rollback({ instance: INSTANCE, to: 4, host })
  assert.is(endpoints(), 4)
  assert.equal(states(), ['5 abandoned', '4 live', '3 retained', '2 retained'])
  assert.equal(heldDescriptors(), [])
})

test('a number is not given again, and what a rollback went behind goes with the next apply', async () => {
  const report = await applied(1)
  assert.is(report.generation, 6)
  assert.is(report.previous?.generation, 4)
  assert.equal(states(), ['6 live', '4 retained', '3 retained', '2 retained'])
  assert.is(rollback({ instance: INSTANCE, host }).generation, 4)
  rollback({ instance: INSTANCE, to: 6, host })
})

test('what is like a kept generation shares its tables, however far back that is', async () => {
  const fresh = await applied(3, { keep: 12 })
  assert.is(
    fresh.memory.shared,
    Object.values(fresh.memory.tables).reduce((sum, bytes) => sum + bytes, 0),
  )
  const other = await applied(5)
  assert.ok(other.memory.shared < Object.values(other.memory.tables).reduce((sum, bytes) => sum + bytes, 0) / 2 || other.memory.shared > 0)
  for (let i = 0; i < 3; i++) await applied(5)
  const own = history(INSTANCE).generations.map(({ memory }) => memory.own)
  assert.equal(own.slice(0, 4), [0, 0, 0, 0])
})

test('a table that somebody has changed is not shared', async () => {
  const pins = existingPins(INSTANCE)?.pins as NonNullable<ReturnType<typeof existingPins>>['pins']
  const live = kernelView(INSTANCE).records.find(({ state }) => state === 'live')
  const fd = openPin(`${pins.epoch(live?.epoch as number)}/km_endpoint`)
  update(fd, Buffer.from([3, 0, 0, 0]), Buffer.alloc(endpointLayout.size, 0xff))
  closeSync(fd)
  const report = await applied(5)
  assert.ok(
    !readTable(pins, kernelView(INSTANCE).records.find(({ state }) => state === 'live')?.epoch as number, 'km_endpoint', 32).includes(
      Buffer.alloc(32, 0xff),
    ),
  )
  assert.ok(report.memory.shared < Object.values(report.memory.tables).reduce((sum, bytes) => sum + bytes, 0))
})

test('gc clears away what is not kept', async () => {
  const report = await gc({ instance: INSTANCE, keep: 1, host })
  assert.is(report.kept.length, 2)
  assert.equal(
    states().map((text) => text.split(' ')[1]),
    ['live', 'retained'],
  )
  rollback({ instance: INSTANCE, host })
  const [abandoned] = report.kept
  assert.equal((await gc({ instance: INSTANCE, host })).dropped, [abandoned])
  assert.is(states().length, 1)
  const view = kernelView(INSTANCE)
  assert.is(Object.keys(view.pins).filter((name) => /^epoch\/\d+$/.test(name)).length, 1)
  // the one that was changed has no name any more
  assert.is(Object.keys(view.pins).filter((name) => name.startsWith('tables/')).length, 8)
  await gc({ instance: INSTANCE, keep: 3, host })
})

test('a probe that fails takes the generation back, a first one out of the kernel', async () => {
  await applied(2)
  const before = kernelView(INSTANCE)
  const seen: number[] = []
  const failing = async (): Promise<void> => {
    seen.push(endpoints())
    throw new CodedError([{ code: 'KM9129', severity: 'error', message: 'no', path: '' }])
  }
  assert.equal(await codesOf(() => applied(3, { probe: failing })), ['KM9129'])
  assert.equal(seen, [3])
  assert.equal(kernelView(INSTANCE), before)
  assert.is(endpoints(), 2)
  detach(INSTANCE)
  assert.equal(await codesOf(() => applied(3, { probe: failing })), ['KM9129'])
  assert.equal(kernelView(INSTANCE).pins, {})
})

test('a generation that waits to be confirmed: in the way, confirmed, or taken back', async () => {
  await applied(1, { keep: 0 })
  const waiting = await applied(2, { confirmBy: now() + 60 })
  assert.ok(waiting.confirmBy !== undefined)
  assert.equal(await codesOf(() => applied(3)), ['KM9130'])
  assert.is(endpoints(), 2)
  assert.is(confirm(INSTANCE, host).generation, waiting.generation)
  assert.equal(await codesOf(() => confirm(INSTANCE, host)), ['KM9132'])
  await applied(3, { confirmBy: now() - 1 })
  assert.equal(await codesOf(() => confirm(INSTANCE, host)), ['KM9131'])
  assert.is(endpoints(), 2)
  await applied(3, { confirmBy: now() - 1 })
  const next = await applied(4)
  assert.equal(
    next.warnings.map(({ code }) => code),
    ['KM9131'],
  )
  assert.is(endpoints(), 4)
  assert.is(next.previous?.artifact, artifact(2).digest)
  detach(INSTANCE)
  await applied(1, { confirmBy: now() - 1 })
  assert.equal(
    (await applied(2)).warnings.map(({ code }) => code),
    ['KM9131'],
  )
  assert.equal(states(), ['1 live'])
})

test('a plan holds for the generation it was made on', async () => {
  const { generation, artifact: inForce } = status(INSTANCE)
  assert.equal(await codesOf(() => applied(3, { expected: { generation, artifact: artifact(5).digest } })), ['KM9128'])
  assert.equal(await codesOf(() => applied(3, { expected: { generation: 0, artifact: '' } })), ['KM9128'])
  assert.is((await applied(3, { expected: { generation, artifact: inForce } })).entries.endpoints, 3)
  detach(INSTANCE)
  assert.is((await applied(3, { expected: { generation: 0, artifact: '' } })).generation, 1)
})

test('nothing is left', () => {
  detach(INSTANCE)
  assert.equal(kernelView(INSTANCE).pins, {})
  assert.equal(heldDescriptors(), [])
})

test.run()
