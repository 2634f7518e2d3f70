/** Which proofs go into an artifact: those of every object in it, byte for byte. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { KernelProof } from '../../proto/artifact/proof.ts'
import { readArtifact } from '../../proto/artifact/read.ts'
import { sha256 } from '../../proto/artifact/sha256.ts'
import { sampleInput, samplePlan } from '../../scripts/kit/sample-artifact.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { embedProof } from './embed-proof.ts'
import { pack } from './pack.ts'

const input = sampleInput(samplePlan(2, 4))
const proven = (unit: string, object: Uint8Array): KernelProof['units'][number] => ({
  unit,
  object: sha256(object),
  loadMilliseconds: 1.5,
  programs: [{ program: 'one', verifiedInstructions: 9, states: 2, peakStates: 1, stack: [8, 0], microseconds: 70 }],
})
const proofOf = (kernel: string, units = input.units): KernelProof => ({
  kernel,
  units: units.map(({ unit, object }) => proven(unit, object)),
})

function embedded(given: readonly KernelProof[], target = '6.1') {
  const diag = createDiagnostics()
  const kernels = embedProof(given, input.units, target, diag).map(({ kernel }) => kernel)
  return { kernels, codes: diag.list.map(({ code }) => code), messages: diag.list.map(({ message }) => message).join() }
}

test('the oldest first, whatever the order of files; units of others are left out', () => {
  const given = [proofOf('6.12.3'), proofOf('6.1.0-9-cloud'), { kernel: '6.9.1', units: [] }]
  assert.equal(embedded(given).kernels, ['6.1.0-9-cloud', '6.12.3'])
  const more = { kernel: '6.1.1', units: [proven('other', new Uint8Array(7)), ...proofOf('6.1.1').units] }
  assert.equal(
    embedProof([more], input.units, '6.1', createDiagnostics())[0]?.units.map(({ unit }) => unit),
    ['base', 'entry', 'policy_round_robin'],
  )
})

test('two files of one kernel complete each other; one alone does not do', () => {
  const [first, ...rest] = input.units
  assert.equal(embedded([proofOf('6.1.1', rest), proofOf('6.1.1', first === undefined ? [] : [first])]).codes, [])
  const lacking = embedded([proofOf('6.1.1', rest)])
  assert.equal(lacking.codes, ['KM1606', 'KM1606'])
  assert.match(lacking.messages, /programs\/base\.o/)
})

test('another byte in an object is another object; a target wants a proof of its own', () => {
  const changed = input.units.map((unit) => (unit.unit === 'entry' ? { ...unit, object: Uint8Array.of(...unit.object, 0) } : unit))
  assert.equal(embedded([proofOf('6.1.1', changed)]).kernels, [])
  assert.equal(embedded([proofOf('6.12.1')], '6.12'), { kernels: ['6.12.1'], codes: [], messages: '' })
  assert.equal(embedded([proofOf('6.12.1')]).codes, ['KM1606'])
  assert.equal(embedded([]), { kernels: [], codes: [], messages: '' })
})

test('it is read back as it was written; none leaves the artifact as it was', async () => {
  const proof = [proofOf('6.1.0-49-cloud-amd64')]
  const read = readArtifact((await pack({ ...input, proof })).bytes)
  assert.equal(read.kind === 'artifact' && read.artifact.config.proof, proof)
  assert.is((await pack({ ...input, proof: [] })).digest, (await pack(input)).digest)
})

test.run()
