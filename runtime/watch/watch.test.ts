/** What is told and tried when, with sources and an apply that are made up. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { pack } from '../../compiler/pack/pack.ts'
import { readArtifact } from '../../proto/artifact/read.ts'
import type { DeltaChanges, DeltaConfig } from '../../proto/delta/format.ts'
import type { TrustPolicy } from '../../proto/signature/signature.ts'
import { sampleInput, samplePlan } from '../../scripts/kit/sample-artifact.ts'
import { coded, CodedError } from '../coded-error.ts'
import type { Candidate } from './source.ts'
import { startWatch, type Watch } from './watch.ts'

const read = readArtifact((await pack(sampleInput(samplePlan(1, 2)))).bytes)
if (read.kind === 'invalid') throw new Error(read.error.message)
const { artifact } = read
const digestOf = (name: string): string => `sha256:${Buffer.from(name).toString('hex').padEnd(64, '0')}`

/** A name like "c<b" is a delta that makes "c<b" of "b". */
const deltaConfig: Omit<DeltaConfig, 'base' | 'result'> = {
  schemaVersion: 1,
  abi: { version: 1, digest: '' },
  compiler: { version: '0.0.0' },
  entries: { clusters: 0, rows: 0, owners: 0 },
}
const noChanges: DeltaChanges = { clusters: [], rows: new Uint8Array(0), owners: new Uint8Array(16), relocations: new Uint32Array(0) }

interface World {
  /** names of candidates, the best first */
  there: readonly string[]
  /** candidates that cannot be read, or programs that are rejected, and why */
  readonly faults: Map<string, string>
  policy: TrustPolicy | undefined
  inForce: string | undefined
  readonly rolledBack: Set<string>
  readonly applied: string[]
  readonly opened: string[]
  sourceFault: string | undefined
}

function world(...there: readonly string[]): { readonly world: World; readonly watch: Watch } {
  const world: World = {
    there,
    faults: new Map(),
    policy: undefined,
    inForce: undefined,
    rolledBack: new Set(),
    applied: [],
    opened: [],
    sourceFault: undefined,
  }
  const failWhen = (key: string): void => {
    const code = world.faults.get(key)
    if (code !== undefined) throw coded(code as 'KM9001', `${key} is at fault`)
  }
  const candidate = (name: string): Candidate => ({
    name,
    identity: name,
    open: async () => {
      world.opened.push(name)
      failWhen(name)
      const digest = digestOf(name)
      const [, before] = /^[^<]*<(.*)$/.exec(name) ?? []
      if (before === undefined) return { kind: 'artifact', artifact: { ...artifact, digest }, signers: [] }
      const config = { ...deltaConfig, base: [digestOf(before)], result: digest }
      return { kind: 'delta', delta: { ...noChanges, digest: digestOf('file'), config }, signers: [] }
    },
  })
  const watch = startWatch({
    source: {
      candidates: async () => {
        if (world.sourceFault !== undefined) throw coded('KM9501', world.sourceFault)
        return world.there.map(candidate)
      },
    },
    policy: () => {
      failWhen('policy')
      return world.policy
    },
    inForce: () =>
      world.inForce === undefined
        ? undefined
        : { digest: digestOf(world.inForce), generation: 7, rolledBack: new Set([...world.rolledBack].map(digestOf)) },
    apply: async (opened) => {
      const digest = opened.kind === 'delta' ? opened.delta.config.result : opened.artifact.digest
      const name = world.there.find((one) => digestOf(one) === digest) as string
      failWhen(`apply ${name}`)
      world.applied.push(name)
      world.inForce = name
      return { generation: world.applied.length, warnings: [] }
    },
    findings: (error) => {
      if (error instanceof CodedError) return error.findings
      throw error
    },
  })
  return { world, watch }
}

const events = async (watch: Watch): Promise<readonly string[]> =>
  (await watch.look()).map((result) => ('name' in result ? `${result.event} ${result.name}` : result.event))

test('what appears is applied, once', async () => {
  const { world: state, watch } = world()
  assert.equal(await events(watch), ['nothing-there'])
  assert.equal(await events(watch), [])
  state.there = ['a']
  assert.equal(await events(watch), ['applied a'])
  assert.equal(await events(watch), [])
  state.there = ['b', 'a']
  assert.equal(await events(watch), ['applied b'])
  assert.equal(await events(watch), [])
  state.there = ['a']
  assert.equal(await events(watch), ['applied a'], 'b was taken away')
  assert.equal(state.applied, ['a', 'b', 'a'])
})

test('a bad one is told once, does not hide the one before it, and is tried again when it changes', async () => {
  const { world: state, watch } = world('b', 'a')
  state.faults.set('b', 'KM9005')
  assert.equal(await events(watch), ['refused b', 'applied a'])
  assert.equal(await events(watch), [])
  assert.equal(await events(watch), [])
  assert.equal(state.opened, ['b', 'a'])
  state.there = ['b2', 'a']
  assert.equal(await events(watch), ['applied b2'])
  state.faults.set('apply c', 'KM9109')
  state.there = ['c', 'b2', 'a']
  assert.equal(await events(watch), ['refused c'])
  assert.equal(await events(watch), [])
  assert.equal(state.applied, ['a', 'b2'])
})

test('what is the fault of the moment is told once and tried at every look', async () => {
  const { world: state, watch } = world('b', 'a')
  state.faults.set('apply b', 'KM9101')
  assert.equal(await events(watch), ['failed b'])
  assert.equal(await events(watch), [])
  assert.equal(state.applied, [], 'the older one does not take its place')
  state.faults.set('apply b', 'KM9116')
  assert.equal(await events(watch), ['failed b'], 'another reason')
  state.faults.clear()
  assert.equal(await events(watch), ['applied b'])
  state.sourceFault = 'gone'
  assert.equal(await events(watch), ['failed '])
  assert.equal(await events(watch), [])
  state.sourceFault = undefined
  assert.equal(await events(watch), [])
  state.sourceFault = 'gone'
  assert.equal(await events(watch), [], 'the same as before')
})

test('deltas follow what they lead on from, whatever came first', async () => {
  const { world: state, watch } = world('c<b<a', 'b<a', 'a')
  assert.equal(await events(watch), ['waits c<b<a', 'waits b<a', 'applied a', 'applied b<a', 'applied c<b<a'])
  assert.equal(await events(watch), [])
  state.there = ['x<nothing', ...state.there]
  assert.equal(await events(watch), ['waits x<nothing'])
  assert.equal(await events(watch), [])
  assert.is(state.opened.filter((name) => name === 'x<nothing').length, 1, 'it is not read again as long as nothing else is in force')
  state.there = ['a2', 'd<a2', ...state.there]
  assert.equal(await events(watch), ['applied a2'])
  assert.equal(await events(watch), [], 'a delta that came before a whole artifact is older than it')
  state.there = ['e<a2', ...state.there]
  assert.equal(await events(watch), ['applied e<a2'])
})

test('a policy that cannot be used refuses everything, and heals', async () => {
  const { world: state, watch } = world('a')
  state.faults.set('policy', 'KM9016')
  assert.equal(await events(watch), ['failed '])
  assert.equal(await events(watch), [])
  assert.equal(state.opened, [])
  state.faults.delete('policy')
  assert.equal(await events(watch), ['applied a'])
})

test('a key that is added lets in what was refused', async () => {
  const { world: state, watch } = world('a')
  state.faults.set('a', 'KM9014')
  state.policy = { source: 'x', keys: [] }
  assert.equal(await events(watch), ['refused a'])
  assert.equal(await events(watch), [])
  state.faults.clear()
  assert.equal(await events(watch), [], 'the policy is the same')
  state.policy = { source: 'x', keys: [{ id: 'f'.repeat(64), key: undefined as never }] }
  assert.equal(await events(watch), ['applied a'])
})

test('starting does not undo a rollback, nor repeat what is in force', async () => {
  const { world: state, watch } = world('b', 'a')
  state.inForce = 'a'
  state.rolledBack.add('b')
  const [held] = await watch.look()
  assert.is(held?.event, 'held')
  assert.equal(
    held?.diagnostics.map(({ code, severity }) => [code, severity]),
    [['KM9503', 'warning']],
  )
  assert.equal(await events(watch), [])
  state.there = ['c', 'b', 'a']
  assert.equal(await events(watch), ['applied c'])
  const again = world('c')
  again.world.inForce = 'c'
  assert.equal(await events(again.watch), ['in-force c'])
  assert.equal(again.world.applied, [])
})

test('what was rolled back meanwhile and appears again is wanted', async () => {
  const { world: state, watch } = world('a')
  await watch.look()
  state.there = ['b']
  await watch.look()
  state.inForce = 'a'
  state.rolledBack.add('b')
  assert.equal(await events(watch), [], 'nothing appeared')
  state.there = ['b', 'x']
  assert.equal(await events(watch), [])
  state.there = ['c', 'b']
  assert.equal(await events(watch), ['applied c'])
})

test('a bug is no result', async () => {
  const { world: state, watch } = world('a')
  state.there = undefined as never
  let thrown = false
  await watch.look().catch(() => {
    thrown = true
  })
  assert.ok(thrown)
})

test.run()
