/** The proof of this kernel goes into an artifact, and what apply and doctor say where it is of another one. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type KernelProof, kernelLine, type ProofDocument } from '../../proto/artifact/proof.ts'
import { command, ROOT } from '../../scripts/commands.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { kernelView } from '../../scripts/kit/kernel-view.ts'
import { detach } from '../detach.ts'
import { existingPins } from '../place.ts'

const INSTANCE = `kmw-proof-${process.pid}`
const folder = mkdtempSync(join(tmpdir(), 'kmw-proof-'))
undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})

interface Report {
  readonly diagnostics: readonly { readonly code: string; readonly message: string }[]
  readonly kernels?: readonly KernelProof[]
  readonly artifact?: { readonly config: { readonly proof?: readonly KernelProof[] } }
  readonly checks?: readonly { readonly name: string; readonly state: string; readonly detail: string }[]
}

function run(program: 'kmeshc' | 'kmesh-runtime', ...args: readonly string[]): Report {
  const [name, ...rest] = [...command(program), ...args, '--json']
  const { stdout, stderr } = spawnSync(name, rest, { encoding: 'utf8', cwd: ROOT, maxBuffer: 64 << 20 })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as Report
}

/** Of those, what is said of kernels. */
const codes = ({ diagnostics }: Report): readonly string[] =>
  diagnostics.map(({ code }) => code).filter((code) => /^KM(?:160[456]|914[01])$/.test(code))
const at = (name: string): string => join(folder, name)
const compiled = (to: string, ...more: readonly string[]): Report =>
  run('kmeshc', 'compile', 'fixtures/circuit-breakers/snapshot.yaml', '-o', at(to), ...more)

/** A proof as another kernel would have given it. */
function proofOf(kernel: string, to: string): string {
  const { kernels } = JSON.parse(readFileSync(at('proof.json'), 'utf8')) as ProofDocument
  writeFileSync(at(to), JSON.stringify({ schemaVersion: 1, kernels: kernels.map((one) => ({ ...one, kernel })) }))
  return at(to)
}

const line = kernelLine(release()) as string

test('this kernel proves what it verifies, and nothing of it stays', () => {
  compiled('plain.tar')
  const { kernels = [] } = run('kmesh-runtime', 'prove', at('plain.tar'), '-o', at('proof.json'))
  assert.is(kernels.length, 1)
  assert.is(kernels[0]?.kernel, release())
  const units = kernels[0]?.units.map(({ unit }) => unit) ?? []
  for (const unit of ['base', 'entry', 'policy_round_robin']) assert.ok(units.includes(unit), unit)
  for (const { programs, loadMilliseconds } of kernels[0]?.units ?? []) {
    assert.ok(loadMilliseconds > 0)
    for (const { program, verifiedInstructions, states, peakStates, stack } of programs) {
      assert.ok(verifiedInstructions > 10 && states > 0 && peakStates <= states, program)
      assert.ok(stack.length > 0 && Math.max(...stack) > 0, program)
    }
  }
  assert.is(existingPins(INSTANCE), null)
})

test('compile takes what is proven whole, and names what is not', () => {
  const report = compiled('proven.tar', '--proof', at('proof.json'), '--target', line)
  assert.equal(codes(report), [])
  assert.equal(report.artifact?.config.proof, (JSON.parse(readFileSync(at('proof.json'), 'utf8')) as ProofDocument).kernels)
  assert.equal(codes(compiled('other.tar', '--proof', at('proof.json'), '--target', '999.1')), ['KM1606'], 'no proof of the target')
  const http = run('kmeshc', 'compile', 'fixtures/demo/http.yaml', '-o', at('http.tar'), '--proof', at('proof.json'), '--target', line)
  assert.equal(codes(http), ['KM1606', 'KM1606'], 'programs of requests were not proven')
  assert.is(http.artifact?.config.proof, undefined)
  writeFileSync(at('broken.json'), '{"schemaVersion": 1}')
  assert.ok(codes(compiled('never.tar', '--proof', at('broken.json'))).includes('KM1605'))
})

test('a kernel that verified it before: nothing to say. Another one: KM9140, and it is applied all the same', () => {
  const cgroup = makeCgroup('kmw-proof')
  const apply = (file: string): Report => run('kmesh-runtime', 'apply', at(file), '--instance', INSTANCE, '--cgroup', cgroup.path)
  assert.equal(codes(apply('proven.tar')), [])
  const before = run('kmesh-runtime', 'doctor').checks?.find(({ name }) => name === `${INSTANCE}: verified before`)
  assert.is(before?.state, 'ok', before?.detail)
  compiled('old.tar', '--proof', proofOf('6.1.0-1-generic', 'old.json'), '--target', '6.1')
  const applied = apply('old.tar')
  if (line !== '6.1') {
    assert.equal(codes(applied), ['KM9140'])
    assert.match(applied.diagnostics[0]?.message ?? '', /6\.1\.0-1-generic/)
    const after = run('kmesh-runtime', 'doctor').checks?.find(({ name }) => name === `${INSTANCE}: verified before`)
    assert.is(after?.state, 'missing')
  }
  compiled('later.tar', '--target', '999.1')
  assert.equal(codes(apply('later.tar')), ['KM9141'])
  detach(INSTANCE)
  assert.equal(kernelView(INSTANCE).pins, {})
  cgroup.remove()
})

test.run()
