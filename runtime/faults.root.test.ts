/**
 * ENOSPC, ENOMEM and EPERM at the system calls of apply, rollback, gc and detach, one at a time: the old generation is in force or the new one, never anything between, and what was begun is
 * unmade or finished by the next command.
 */
import { constants } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { artifactsDelta } from '../scripts/kit/artifacts-delta.ts'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { watchCalls } from '../scripts/kit/faults.ts'
import { governedArtifact } from '../scripts/kit/governed-artifact.ts'
import { heldDescriptors, kernelView } from '../scripts/kit/kernel-view.ts'
import { noMachine } from '../scripts/kit/no-machine.ts'
import { apply } from './apply.ts'
import { applyDelta } from './delta/apply-delta.ts'
import { detach } from './detach.ts'
import { gc } from './gc.ts'
import { existingPins } from './place.ts'
import { rollback } from './rollback.ts'
import { status } from './status.ts'

const INSTANCE = `kmh-faults-${process.pid}`
const ERRORS = [constants.errno.ENOSPC, constants.errno.ENOMEM, constants.errno.EPERM]
/** KMESH_FAULTS=all: every call; else those that come often are thinned out. */
const EACH = process.env.KMESH_FAULTS === 'all' ? Number.POSITIVE_INFINITY : 3
const host = noMachine()
const make = async (count: number) =>
  (
    await governedArtifact([
      {
        name: 'shop',
        address: '127.68.5.1',
        port: 80,
        endpoints: Array.from({ length: count }, (_, index) => `127.68.5.${index + 11}:80`),
      },
      { name: 'names', address: '127.68.5.2', port: 53, protocol: 'udp', endpoints: ['127.68.5.9:53'] },
    ])
  ).artifact
const artifacts = [await make(1), await make(2), await make(3)] as const
const applied = (which: 0 | 1 | 2) => apply({ artifact: artifacts[which], instance: INSTANCE, diverted: 'refuse', mode: 'apply', host })

undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
})

/** Calls of each name: the first, the last and some between. */
function chosen(names: readonly string[]): readonly number[] {
  const places = new Map<string, number[]>()
  for (const [index, name] of names.entries()) places.set(name, [...(places.get(name) ?? []), index])
  return [...places.values()]
    .flatMap((list) =>
      list.length <= EACH ? list : Array.from({ length: EACH }, (_, i) => list[Math.round((i * (list.length - 1)) / (EACH - 1))] as number),
    )
    .sort((a, b) => a - b)
}

interface Failed {
  readonly index: number
  readonly call: string
  readonly outcome: 'done' | 'failed'
}

/** `prepare`, then `work` with one failing call, for every chosen call. */
async function everyFault(
  prepare: () => Promise<unknown>,
  work: () => Promise<unknown> | unknown,
  check: (failed: Failed) => Promise<void> | void,
): Promise<number> {
  await prepare()
  const counting = watchCalls(() => undefined)
  await Promise.resolve(work()).finally(counting.stop)
  const { names } = counting
  const indices = chosen(names).filter((index) => names[index] !== 'store')
  for (const [turn, index] of indices.entries()) {
    await prepare()
    const faults = watchCalls((at) => (at === index ? ERRORS[turn % ERRORS.length] : undefined))
    let outcome: Failed['outcome'] = 'done'
    try {
      await work()
    } catch {
      outcome = 'failed'
    } finally {
      faults.stop()
    }
    await check({ index, call: faults.names[index] ?? '', outcome })
  }
  assert.ok(indices.length > 10)
  return indices.length
}

const clean = async (): Promise<void> => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
}
const endpoints = (): number => status(INSTANCE).clusters.find(({ name }) => name === 'shop')?.endpoints.length ?? 0
const text = ({ index, call, outcome }: Failed): string => `call ${index}, ${call}: ${outcome}`

test('a first apply: in force, or nothing is left', async () => {
  await everyFault(
    clean,
    () => applied(0),
    (failed) => {
      const view = kernelView(INSTANCE)
      if (failed.outcome === 'done') assert.is(endpoints(), 1, text(failed))
      else if (Object.keys(view.pins).length > 0) {
        // a failing undo leaves something: the next apply clears it
        assert.is(view.live, 0, text(failed))
      }
      assert.equal(heldDescriptors(), [], text(failed))
    },
  )
  await clean()
  await applied(1)
  assert.is(endpoints(), 2)
  await clean()
  assert.equal(kernelView(INSTANCE).pins, {})
})

test('a later apply: the old generation or the new one', async () => {
  let before = kernelView(INSTANCE)
  await everyFault(
    async () => {
      await clean()
      await applied(0)
      await applied(1)
      before = kernelView(INSTANCE)
    },
    () => applied(2),
    async (failed) => {
      const seen = endpoints()
      assert.is(seen, failed.outcome === 'done' ? 3 : 2, text(failed))
      if (failed.outcome === 'failed') assert.equal(kernelView(INSTANCE), before, text(failed))
      assert.equal(heldDescriptors(), [], text(failed))
      await applied(2)
      assert.is(endpoints(), 3, text(failed))
    },
  )
})

test('a rollback: the old generation or the new one', async () => {
  await clean()
  await applied(0)
  await everyFault(
    async () => applied(1),
    () => rollback({ instance: INSTANCE, to: status(INSTANCE).others[0]?.generation ?? 0, host }),
    async (failed) => {
      const { generation, others } = status(INSTANCE)
      assert.ok(endpoints() === 1 || endpoints() === 2, text(failed))
      assert.ok(others.every((other) => other.generation !== generation))
      assert.equal(heldDescriptors(), [], text(failed))
    },
  )
})

test('gc: the generation in force stays', async () => {
  await clean()
  await applied(0)
  await everyFault(
    async () => {
      await applied(1)
      await applied(2)
    },
    () => gc({ instance: INSTANCE, keep: 0, host }),
    async (failed) => {
      assert.is(endpoints(), 3, text(failed))
      await gc({ instance: INSTANCE, keep: 1, host })
      assert.equal(heldDescriptors(), [], text(failed))
    },
  )
})

test('detach: in force or not, and the next one ends it', async () => {
  await everyFault(
    async () => {
      await clean()
      await applied(1)
    },
    () => detach(INSTANCE),
    (failed) => {
      if (existingPins(INSTANCE) !== null) detach(INSTANCE)
      assert.equal(kernelView(INSTANCE).pins, {}, text(failed))
      assert.equal(heldDescriptors(), [], text(failed))
    },
  )
})

test('a delta: the old generation or the new one', async () => {
  const delta = await artifactsDelta(artifacts[0], artifacts[1])
  await clean()
  await applied(0)
  await applyDelta({ delta, instance: INSTANCE, host })
  // the maps with which this process waits for grace periods
  const own = heldDescriptors()
  assert.is(own.length, 2)
  let before = kernelView(INSTANCE)
  await everyFault(
    async () => {
      await clean()
      await applied(0)
      before = kernelView(INSTANCE)
    },
    () => applyDelta({ delta, instance: INSTANCE, host }),
    async (failed) => {
      assert.is(endpoints(), failed.outcome === 'done' ? 2 : 1, text(failed))
      const { live, owners } = kernelView(INSTANCE)
      if (failed.outcome === 'failed') assert.equal([live, owners], [before.live, before.owners], text(failed))
      assert.equal(heldDescriptors(), own, text(failed))
      if (failed.outcome === 'failed') await applyDelta({ delta, instance: INSTANCE, host })
      assert.is(endpoints(), 2, text(failed))
    },
  )
})

test.run()
