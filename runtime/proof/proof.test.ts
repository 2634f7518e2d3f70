/** The verifier's words, and what is said of a kernel that is not among those of a proof. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compareLines, kernelLine } from '../../proto/artifact/proof.ts'
import { sha256 } from '../../proto/artifact/sha256.ts'
import type { ArtifactConfig } from '../../proto/artifact/format.ts'
import { readStatistics } from './statistics.ts'
import { kernelWarnings, linesOf } from './warnings.ts'

test('statistics of kernels old and new', () => {
  const log =
    'verification time 713 usec\nstack depth 32+0+8\nprocessed 2341 insns (limit 1000000) max_states_per_insn 4 total_states 197 peak_states 190 mark_read 31\n'
  const numbers = { verifiedInstructions: 2341, states: 197, peakStates: 190, stack: [32, 0, 8], microseconds: 713 }
  assert.equal(readStatistics(log), numbers)
  assert.equal(readStatistics(`func#0 @0\n${log.replace(' mark_read 31', '')}`), numbers)
  assert.equal(readStatistics(''), { verifiedInstructions: 0, states: 0, peakStates: 0, stack: [], microseconds: 0 })
})

test('lines of releases', () => {
  assert.equal(
    ['6.1.0-49-cloud-amd64', '6.18.44', '6.12', 'linux', '6'].map((release) => kernelLine(release)),
    ['6.1', '6.18', '6.12', undefined, undefined],
  )
  assert.equal(['6.12', '5.19', '6.9', '10.0'].sort(compareLines), ['5.19', '6.9', '6.12', '10.0'])
})

const program = Uint8Array.of(1, 2, 3)
const unit = { unit: 'base', object: sha256(program), loadMilliseconds: 1, programs: [] }
const artifact = (more: Partial<ArtifactConfig>) => ({
  config: { target: { kernel: '6.1', features: [] }, ...more } as unknown as ArtifactConfig,
  programs: new Map([['base', program]]),
})
const codes = (more: Partial<ArtifactConfig>, running: string): readonly string[] =>
  kernelWarnings(artifact(more), running).map(({ code }) => code)

test('a proof of the same line will do; none at all says nothing', () => {
  const proof = [{ kernel: '6.12.3', units: [unit] }]
  assert.equal(codes({ proof }, '6.12.99-generic'), [])
  assert.equal(codes({ proof }, '6.1.7'), ['KM9140'])
  assert.match(kernelWarnings(artifact({ proof }), '6.1.7')[0]?.message ?? '', /6\.12\.3.*6\.1\.7/)
  assert.equal(codes({}, '6.1.7'), [])
  assert.equal(linesOf(artifact({ proof })), ['6.12'])
})

test('a proof of other bytes is none', () => {
  const proof = [{ kernel: '6.12.3', units: [{ ...unit, object: sha256(Uint8Array.of(9)) }] }]
  assert.equal(codes({ proof }, '6.1.7'), [])
  assert.equal(linesOf(artifact({ proof })), [])
})

test('a kernel older than the target', () => {
  assert.equal(codes({ target: { kernel: '6.12', features: [] } }, '6.1.7'), ['KM9141'])
  assert.equal(codes({ target: { kernel: '6.12', features: [] } }, '6.12.0'), [])
})

test.run()
