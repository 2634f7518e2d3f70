import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { governedArtifact } from '../scripts/kit/governed-artifact.ts'
import { kernelView } from '../scripts/kit/kernel-view.ts'
import { noMachine } from '../scripts/kit/no-machine.ts'
import { apply } from './apply.ts'
import type { ApplyStep } from './apply-request.ts'
import { detach } from './detach.ts'
import { existingPins } from './place.ts'

/** This file is also the runtime that gets killed: `crash.root.test.ts INSTANCE STEP ARTIFACT`. */
const [, file, childInstance, killAt, which] = process.argv
const INSTANCE = childInstance ?? `kmr-crash-${process.pid}`
const service = { name: 'one', address: '127.96.25.60', port: 80 }
const artifacts = {
  first: (await governedArtifact([{ ...service, endpoints: ['127.0.0.1:25061'] }])).artifact,
  second: (await governedArtifact([{ ...service, endpoints: ['127.0.0.1:25062', '127.0.0.1:25063'] }])).artifact,
}

const applied = (name: keyof typeof artifacts, steps: (step: ApplyStep) => void = () => undefined) =>
  apply({ artifact: artifacts[name], instance: INSTANCE, diverted: 'refuse', mode: 'apply', host: noMachine(), steps })

if (killAt !== undefined) {
  await applied(which as keyof typeof artifacts, (step) => {
    if (step === killAt) process.kill(process.pid, 'SIGKILL')
  })
  process.exit(0)
}

undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
})

function killed(step: ApplyStep, name: keyof typeof artifacts): void {
  const args = ['--import', 'tsx', fileURLToPath(new URL(file?.startsWith('file:') ? file : import.meta.url)), INSTANCE, step, name]
  assert.is(spawnSync(process.execPath, args, { stdio: 'inherit' }).signal, 'SIGKILL', step)
}

/** Sizes of everything; equal for instances of one history, whatever the ids. */
function shape(): unknown {
  const { pins, records, entries, owners } = kernelView(INSTANCE)
  return {
    pins: Object.keys(pins)
      .map((name) => name.replace(/^epoch\/\d+/, 'epoch/N'))
      .sort(),
    records: records.length,
    entries: Object.keys(entries).length,
    owners: Object.values(owners).sort(),
  }
}

const STEPS: readonly ApplyStep[] = ['maps', 'links', 'states', 'show', 'switch', 'settle', 'retire']

test('a first apply that is killed leaves nothing that the next one does not clear', async () => {
  await applied('first')
  const expected = shape()
  detach(INSTANCE)
  for (const step of STEPS) {
    killed(step, 'first')
    await applied('first')
    const after = shape()
    if (step === 'settle' || step === 'retire') {
      await applied('first')
      assert.is(kernelView(INSTANCE).records.length, 2, step)
    } else assert.equal(after, expected, step)
    detach(INSTANCE)
    assert.equal(kernelView(INSTANCE).pins, {}, step)
  }
})

test('a later apply that is killed: the generation in force stays or the new one is, and the next apply clears up', async () => {
  await applied('first')
  await applied('first')
  await applied('second')
  const expected = shape()
  for (const step of STEPS) {
    detach(INSTANCE)
    await applied('first')
    await applied('first')
    const { live } = kernelView(INSTANCE)
    killed(step, 'second')
    const isSwitched = kernelView(INSTANCE).live !== live
    assert.is(isSwitched, step === 'settle' || step === 'retire', step)
    if (!isSwitched) {
      await applied('second')
      assert.equal(shape(), expected, step)
    } else {
      await applied('first')
      await applied('second')
      assert.equal(shape(), expected, step)
    }
  }
  detach(INSTANCE)
})

test.run()
