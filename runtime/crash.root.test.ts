/**
 * SIGKILL all through apply, rollback, gc and detach: the old generation is in force or the new one; the next command finds out which from bpffs alone, clears up and says so.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { artifactsDelta } from '../scripts/kit/artifacts-delta.ts'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { watchCalls } from '../scripts/kit/faults.ts'
import { governedArtifact } from '../scripts/kit/governed-artifact.ts'
import { kernelView } from '../scripts/kit/kernel-view.ts'
import { noMachine } from '../scripts/kit/no-machine.ts'
import { apply } from './apply.ts'
import { applyDelta } from './delta/apply-delta.ts'
import { detach } from './detach.ts'
import { gc } from './gc.ts'
import { cgroup2Mount } from './governed-cgroup.ts'
import { existingPins } from './place.ts'
import { rollback } from './rollback.ts'
import { status } from './status.ts'

/** This file is also the runtime that gets killed: `crash.root.test.ts INSTANCE WORK CALL`. */
const [, , childInstance, childWork, killAt] = process.argv
const INSTANCE = childInstance ?? `kmh-crash-${process.pid}`
/** KMESH_CRASHES: at most so many places of each kind of work where it is killed; all: each. */
const PLACES = process.env.KMESH_CRASHES === 'all' ? Number.POSITIVE_INFINITY : Number(process.env.KMESH_CRASHES ?? 7)
const host = noMachine()
const make = async (count: number) =>
  (
    await governedArtifact([
      { name: 'one', address: '127.68.6.1', port: 80, endpoints: Array.from({ length: count }, (_, index) => `127.68.6.${index + 11}:80`) },
    ])
  ).artifact
const artifacts = [await make(1), await make(2), await make(3)] as const
const applied = (endpoints: 1 | 2 | 3) =>
  apply({ artifact: artifacts[(endpoints - 1) as 0 | 1 | 2], instance: INSTANCE, diverted: 'refuse', mode: 'apply', host })

const WORK: Readonly<Record<string, () => Promise<unknown> | unknown>> = {
  'first apply': () => applied(1),
  'later apply': () => applied(2),
  delta: async () => applyDelta({ delta: await artifactsDelta(artifacts[0], artifacts[1]), instance: INSTANCE, host }),
  rollback: () => rollback({ instance: INSTANCE, host }),
  gc: () => gc({ instance: INSTANCE, keep: 0, host }),
  detach: () => detach(INSTANCE),
}

if (killAt !== undefined) {
  watchCalls((index) => {
    if (index === Number(killAt)) process.kill(process.pid, 'SIGKILL')
    return undefined
  })
  await WORK[childWork as string]?.()
  process.exit(0)
}

undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
})

const clean = async (): Promise<void> => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
}
const endpoints = (): number => status(INSTANCE).clusters[0]?.endpoints.length ?? 0

/** How many calls the work makes, spread over them: where it is killed. */
async function places(name: string, prepare: () => Promise<unknown>): Promise<readonly number[]> {
  await prepare()
  const calls = watchCalls(() => undefined)
  await Promise.resolve(WORK[name]?.()).finally(calls.stop)
  assert.ok(calls.count > 0, name)
  const length = Math.min(PLACES, calls.count)
  return Array.from({ length }, (_, i) => Math.floor(((i + 0.5) * calls.count) / length))
}

async function everyCrash(name: string, prepare: () => Promise<unknown>, check: (where: string) => Promise<void> | void): Promise<void> {
  for (const place of await places(name, prepare)) {
    await prepare()
    const file = fileURLToPath(import.meta.url)
    const { signal } = spawnSync(process.execPath, ['--import', 'tsx', file, INSTANCE, name, String(place)], { stdio: 'inherit' })
    assert.is(signal, 'SIGKILL', `${name}, call ${place}`)
    await check(`${name}, call ${place}`)
  }
}

/** Everything that is there belongs to a generation that is kept. */
function tidy(where: string): void {
  const { pins, records, entries } = kernelView(INSTANCE)
  const epochs = new Set(records.map(({ epoch }) => String(epoch)))
  const bases = records.map(({ programBase }) => programBase)
  assert.equal(
    Object.keys(pins).filter((name) => /^epoch\/\d+$/.test(name) && !epochs.has(name.slice(6))),
    [],
    `${where}: epochs`,
  )
  const strangers = Object.keys(entries).filter((name) => {
    const [, map, index] = /^(\w+)\[(\d+)\]$/.exec(name) ?? []
    if (map === undefined || map === 'km_state') return false
    return map.startsWith('km_program') ? !bases.includes(Number(index) & ~15) : !epochs.has(index as string)
  })
  assert.equal(strangers, [], `${where}: entries`)
  assert.ok(
    records.every(({ state }) => state === 'live' || state === 'retained'),
    `${where}: ${records.map(({ state }) => state).join()}`,
  )
}

test('a first apply: nothing, or in force; the next one clears up and says so', async () => {
  await everyCrash('first apply', clean, async (where) => {
    const view = kernelView(INSTANCE)
    if (view.live !== 0) assert.is(endpoints(), 1, where)
    const { warnings } = await applied(2)
    const isCut = view.live === 0 && Object.keys(view.pins).length > 0
    assert.equal(
      warnings.map(({ code }) => code),
      isCut ? ['KM9135'] : [],
      where,
    )
    assert.is(endpoints(), 2, where)
    tidy(where)
    await clean()
    assert.equal(kernelView(INSTANCE).pins, {}, where)
  })
})

test('a later apply: the old generation or the new one, and the next one clears up', async () => {
  const seen = new Set<number>()
  await everyCrash(
    'later apply',
    async () => {
      await clean()
      await applied(1)
    },
    async (where) => {
      seen.add(endpoints())
      assert.ok(endpoints() === 1 || endpoints() === 2, where)
      const isLeft = kernelView(INSTANCE).records.some(({ state }) => state === 'building')
      const { warnings } = await applied(3)
      if (isLeft)
        assert.equal(
          warnings.map(({ code }) => code),
          ['KM9135'],
          where,
        )
      assert.is(endpoints(), 3, where)
      tidy(where)
    },
  )
  assert.equal([...seen].sort(), [1, 2])
})

test('a delta: the old generation or the new one, and the next one leads on from it', async () => {
  const seen = new Set<number>()
  await everyCrash(
    'delta',
    async () => {
      await clean()
      await applied(1)
    },
    async (where) => {
      const now = endpoints()
      seen.add(now)
      assert.ok(now === 1 || now === 2, where)
      await applyDelta({ delta: await artifactsDelta(artifacts[now === 1 ? 0 : 1], artifacts[2]), instance: INSTANCE, host })
      assert.is(endpoints(), 3, where)
      const { generation } = rollback({ instance: INSTANCE, host })
      assert.is(endpoints(), now, `${where}: back to ${generation}`)
      await applied(3)
      tidy(where)
    },
  )
  assert.equal([...seen].sort(), [1, 2])
})

test('a rollback: one or the other, and it can be done again', async () => {
  await clean()
  await applied(1)
  await everyCrash(
    'rollback',
    () => applied(2),
    async (where) => {
      if (endpoints() === 2) rollback({ instance: INSTANCE, host })
      assert.ok(endpoints() === 1 || endpoints() === 2, where)
      await applied(1)
      tidy(where)
    },
  )
})

test('gc: what is in force stays', async () => {
  await everyCrash(
    'gc',
    async () => {
      await clean()
      await applied(1)
      await applied(3)
    },
    async (where) => {
      assert.is(endpoints(), 3, where)
      await applied(2)
      tidy(where)
      await gc({ instance: INSTANCE, keep: 3, host })
    },
  )
})

test('detach: in force or not, and the next one ends it', async () => {
  await everyCrash(
    'detach',
    async () => {
      await clean()
      await applied(1)
    },
    async (where) => {
      await clean()
      assert.equal(kernelView(INSTANCE).pins, {}, where)
      assert.not.ok(existsSync(join(cgroup2Mount(), 'kmesh', INSTANCE)), `${where}: its cgroup`)
    },
  )
})

test.run()
