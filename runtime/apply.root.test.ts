import { existsSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { codesOf } from '../scripts/kit/codes-of.ts'
import { governedArtifact, type Service } from '../scripts/kit/governed-artifact.ts'
import { heldDescriptors, holdersOf, kernelView, pinnedObjects } from '../scripts/kit/kernel-view.ts'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { noMachine } from '../scripts/kit/no-machine.ts'
import { apply } from './apply.ts'
import { APPLY_STEPS, type ApplyReport, type ApplyRequest, type ApplyStep } from './apply-request.ts'
import { detach } from './detach.ts'
import { openById } from './sys/libbpf-ids.ts'
import { closeSync } from 'node:fs'

const INSTANCE = `kmr-apply-${process.pid}`
const one: Service = { name: 'one', address: '127.96.25.1', port: 80, endpoints: ['127.0.0.1:25001', '127.0.0.1:25002'] }
const two: Service = { name: 'two', address: '127.96.25.2', port: 81, endpoints: ['127.0.0.1:25003'] }
const datagrams: Service = { name: 'names', address: '127.96.25.3', port: 53, protocol: 'udp', endpoints: ['127.0.0.1:25053'] }
const first = await governedArtifact([one])
const second = await governedArtifact([one, two])
const third = await governedArtifact([two, datagrams])

undoAtExit(() => {
  if (existsSync(`/sys/fs/bpf/kmesh/${INSTANCE}`)) detach(INSTANCE)
})

const applied = (artifact: ApplyRequest['artifact'], more: Partial<ApplyRequest> = {}): Promise<ApplyReport> =>
  apply({ artifact, instance: INSTANCE, diverted: 'refuse', mode: 'apply', host: noMachine(), ...more })

class Fault extends Error {}

async function failAt(step: ApplyStep, artifact: ApplyRequest['artifact']): Promise<ApplyReport | 'failed'> {
  try {
    return await applied(artifact, {
      steps: (name) => {
        if (name === step) throw new Fault(step)
      },
    })
  } catch (error) {
    if (error instanceof Fault) return 'failed'
    throw error
  }
}

/** Fails after the thing number `at` was made; how many were made before it failed, or null when there are fewer. */
async function failAfter(at: number, artifact: ApplyRequest['artifact']): Promise<string | null> {
  let made = 0
  try {
    await applied(artifact, {
      mode: 'dry-run',
      made: (what) => {
        if (made++ === at) throw new Fault(what)
      },
    })
    return null
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  }
}

const AFTER_SWITCH: readonly ApplyStep[] = ['settle', 'retire', 'sockets']
const EMPTY = { pins: {}, live: 0, records: [], entries: {}, owners: {} }

test('a first apply that fails at any step leaves nothing', async () => {
  for (const step of APPLY_STEPS) {
    if (AFTER_SWITCH.includes(step)) continue
    assert.is(await failAt(step, first.artifact), 'failed', step)
    assert.equal(kernelView(INSTANCE), EMPTY, step)
    assert.equal(heldDescriptors(), [], step)
  }
})

test('a first apply that fails after any single thing it made leaves nothing', async () => {
  const links: string[] = []
  for (let made = 0; ; made++) {
    let count = 0
    const what = await applied(first.artifact, {
      made: (name) => {
        if (count++ === made) throw new Fault(name)
      },
      steps: (step) => {
        if (step === 'switch') throw new Fault('the end')
      },
    }).then(
      () => 'applied',
      (error: unknown) => (error instanceof Fault ? error.message : Promise.reject(error)),
    )
    assert.equal(kernelView(INSTANCE), EMPTY, what)
    assert.equal(heldDescriptors(), [], what)
    if (what.startsWith('link ')) links.push(what)
    if (what === 'the end') break
  }
  assert.is(links.length, 10)
})

test('a dry run leaves nothing and says what would be', async () => {
  const report = await applied(second.artifact, { mode: 'dry-run' })
  assert.is(report.generation, 1)
  assert.is(report.entries.endpoints, 3)
  assert.ok(report.programs.every(({ verifiedInstructions }) => verifiedInstructions > 0))
  assert.equal(kernelView(INSTANCE), EMPTY)
})

test('first apply, second apply, and the same programs are loaded once', async () => {
  const before = await applied(first.artifact)
  assert.is(before.generation, 1)
  assert.is(before.previous, undefined)
  assert.ok(before.programs.every(({ source }) => source === 'loaded'))
  const after = await applied(second.artifact)
  assert.is(after.generation, 2)
  assert.equal(after.previous, { generation: 1, artifact: first.artifact.digest })
  assert.ok(after.programs.every(({ source }) => source === 'pinned'))
  assert.equal(heldDescriptors(), [])
})

test('a later apply that fails at any step before the switch changes nothing', async () => {
  const before = kernelView(INSTANCE)
  for (const step of APPLY_STEPS) {
    if (AFTER_SWITCH.includes(step)) continue
    assert.is(await failAt(step, third.artifact), 'failed', step)
    assert.equal(kernelView(INSTANCE), before, step)
    assert.equal(heldDescriptors(), [], step)
  }
  for (let made = 0; (await failAfter(made, third.artifact)) !== null; made++) {
    assert.equal(kernelView(INSTANCE), before, `thing ${made}`)
    assert.equal(heldDescriptors(), [], `thing ${made}`)
  }
  assert.equal(kernelView(INSTANCE), before)
})

test('after the switch nothing fails the apply, and the next one clears up', async () => {
  let newest = Math.max(...kernelView(INSTANCE).records.map(({ generation }) => Number(generation)))
  for (const [index, step] of AFTER_SWITCH.entries()) {
    const report = await failAt(step, index % 2 === 0 ? third.artifact : second.artifact)
    if (report === 'failed') throw new Error(`${step} failed the apply`)
    assert.equal(
      report.warnings.map(({ code }) => code),
      ['KM9122'],
      step,
    )
    // the number of one that was in force for a moment, until its probe failed, is not given again
    assert.ok(report.generation > newest, step)
    newest = report.generation
  }
  await applied(second.artifact)
  const view = kernelView(INSTANCE)
  assert.equal(view.records.map(({ state }) => state).sort(), ['live', 'retained', 'retained', 'retained'])
  assert.is(Object.keys(view.entries).filter((name) => name.startsWith('km_listener[')).length, 4)
})

test('owners keep their state rows; rows of owners that left are given away only when nothing names them', async () => {
  await applied(first.artifact)
  await applied(first.artifact)
  const before = kernelView(INSTANCE).owners
  const ids = new Map(Object.entries(before).map(([id, key]) => [key, id]))
  await applied(third.artifact)
  const after = kernelView(INSTANCE).owners
  for (const [id, key] of Object.entries(after)) if (ids.has(key)) assert.is(ids.get(key), id)
  const kept = Object.keys(before).filter((id) => after[Number(id)] === before[Number(id)]).length
  assert.ok(kept >= 6, 'the retained generation still names all rows of service one')
})

test('two runtimes at once: the second is refused', async () => {
  let refused: readonly string[] = []
  await applied(second.artifact, {
    host: noMachine({ fillSources: () => [] }),
    steps: (step) => {
      if (step !== 'tables') return
      void codesOf(() => applied(first.artifact)).then((codes) => {
        refused = codes
      })
    },
  })
  await new Promise((resolve) => setTimeout(resolve, 10))
  assert.equal(refused, ['KM9101'])
  let detaching: readonly string[] = []
  await applied(second.artifact, {
    steps: (step) => {
      if (step === 'show')
        void codesOf(() => detach(INSTANCE)).then((codes) => {
          detaching = codes
        })
    },
  })
  assert.equal(detaching, ['KM9101'])
})

test('an artifact with nothing in it governs nothing and can be replaced', async () => {
  const empty = await governedArtifact([])
  assert.is((await applied(empty.artifact)).entries.listenerKeys, 0)
  assert.is((await applied(empty.artifact)).entries.states, 0)
  assert.is((await applied(second.artifact)).entries.endpoints, 3)
})

test('another cgroup than the recorded one is refused', async () => {
  assert.equal(await codesOf(() => applied(first.artifact, { cgroup: '/sys/fs' })), ['KM9103'])
})

test('detach leaves nothing behind', async () => {
  const objects = pinnedObjects(INSTANCE)
  assert.ok(objects.length > 40)
  const report = detach(INSTANCE)
  assert.is(report.hooks.length, 10)
  assert.ok(report.cgroupRemoved)
  assert.not.ok(existsSync(report.cgroup as string))
  assert.equal(kernelView(INSTANCE), EMPTY)
  const kinds = { map: 'map', prog: 'program', link: 'link' } as const
  const left = (): readonly string[] =>
    objects.filter((text) => {
      const [kind, id] = text.split(' ') as [keyof typeof kinds, string]
      const fd = openById(kinds[kind], Number(id))
      if (fd !== null) closeSync(fd)
      return fd !== null
    })
  // the kernel frees them after grace periods, which take long on a busy machine
  for (let i = 0; i < 600 && left().length > 0; i++) await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal(
    left().map((object) => ({ object, holders: holdersOf(object) })),
    [],
  )
  assert.equal(await codesOf(() => detach(INSTANCE)), ['KM9106'])
})

test.run()
