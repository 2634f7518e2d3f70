/**
 * `scripts/kernel-matrix`: the same artifacts on several kernels. In: kernels by name. Out: a table of what each said and how long it took; exit 1 when one of them refuses a program or
 * answers wrongly, with the end of the verifier's log.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import type { KernelProof, ProofDocument } from '../../proto/artifact/proof.ts'
import { command, ROOT } from '../commands.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { run } from '../kit/process.ts'
import { acceleration, boot } from './boot.ts'
import { writeGuestImage } from './guest-image.ts'
import { fetchKernel, LINES } from './kernel-packages.ts'
import { type GuestResult, readProof, readResults, wrongIn } from './result.ts'
import { BACKENDS, type MatrixArtifact, matrixArtifacts } from './world.ts'

const RUNNING = 'running'
const SECONDS = 900

const args = await yargs(hideBin(process.argv))
  .scriptName('kernel-matrix')
  .usage(
    '$0 [kernel..]\n\nLoads, applies and uses the same artifacts on several kernels: Debian cloud kernels in virtual machines without network, and the one that runs.',
  )
  .command('$0 [kernel..]', false, (it) =>
    it.positional('kernel', { type: 'string', array: true, choices: [...LINES, RUNNING], default: [...LINES, RUNNING] }),
  )
  .option('artifact', {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: 'an artifact of yours: its programs are loaded and applied as well',
  })
  .option('proof', { type: 'string', requiresArg: true, describe: 'where the proof goes that `kmeshc compile --proof` takes' })
  .option('json', { type: 'string', requiresArg: true, describe: 'where the results go' })
  .strict()
  .parse()

const folder = mkdtempSync(join(tmpdir(), 'kmesh-kernels-'))
undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
const job = join(folder, 'job')
const artifacts = matrixArtifacts()
const own = args.artifact.map((path, index) => ({ path, name: basename(path), file: `own-${index}.tar` }))
prepareJob(job, artifacts)
const results: GuestResult[] = []
const proofs: KernelProof[] = []
let wrong = 0
for (const name of args.kernel as readonly string[]) {
  const began = performance.now()
  const output = name === RUNNING ? here() : await inMachine(name)
  const seconds = (performance.now() - began) / 1000
  const told = readResults(output)
  const proof = readProof(output)
  results.push(...told)
  proofs.push(...proof)
  process.stdout.write(`${told[0]?.kernel ?? name}  (${name === RUNNING ? 'this machine' : acceleration()}, ${seconds.toFixed(0)} s)\n`)
  for (const artifact of [...artifacts, ...own.map(({ name: called }) => ({ name: called, asks: [] }))])
    wrong += show(
      told.find((one) => one.name === artifact.name),
      artifact,
    )
  if (proof.length === 0) wrong++
  process.stdout.write(proof.length === 0 ? '  WRONG  there is no proof\n' : `  proof  ${proofText(proof)}\n`)
  if (told.length < artifacts.length + own.length) process.stdout.write(`${output.split('\n').slice(-20).join('\n')}\n`)
}
if (args.json !== undefined) writeFileSync(args.json, `${JSON.stringify(results, undefined, 2)}\n`)
if (args.proof !== undefined) {
  const document: ProofDocument = { schemaVersion: 1, kernels: proofs }
  writeFileSync(args.proof, `${JSON.stringify(document, undefined, 2)}\n`)
}
process.exitCode = wrong === 0 ? 0 : 1

function prepareJob(place: string, list: readonly MatrixArtifact[]): void {
  mkdirSync(place)
  for (const { file, snapshot } of list) {
    const input = join(folder, `${file}.snapshot`)
    writeFileSync(input, snapshot)
    run([...command('kmeshc'), 'compile', input, '-o', join(place, file)])
  }
  for (const name of ['job.mjs', 'ask.mjs']) cpSync(fileURLToPath(new URL(`guest/${name}`, import.meta.url)), join(place, name))
  for (const { path, file } of own) cpSync(path, join(place, file))
  const plan = {
    backends: BACKENDS,
    artifacts: [
      ...list.map(({ name, file, asks, serve }) => ({ name, artifact: file, asks, serve })),
      ...own.map(({ name, file }) => ({ name, artifact: file, asks: [], serve: false })),
    ],
  }
  writeFileSync(join(place, 'plan.json'), JSON.stringify(plan))
}

async function inMachine(line: string): Promise<string> {
  const kernel = fetchKernel(line)
  const archive = join(folder, `${line}.cpio`)
  writeGuestImage(kernel, job, join(folder, 'root'), archive)
  const said = await boot(kernel, archive, acceleration(), SECONDS)
  rmSync(archive)
  return said
}

/** In a network namespace of its own, whose loopback goes nowhere. */
function here(): string {
  const script = 'ip link set lo up && node "$1/job.mjs" "$1" "$2"; exit 0'
  return run(['unshare', '-n', 'sh', '-c', script, 'sh', job, join(ROOT, 'dist/runtime/main.js')])
}

function proofText(proof: readonly KernelProof[]): string {
  const units = proof.flatMap((kernel) => kernel.units)
  const programs = units.flatMap((unit) => unit.programs)
  const deepest = Math.max(...programs.flatMap(({ stack }) => stack))
  return `${units.length} objects, ${programs.length} programs, stack of one function at most ${deepest} bytes`
}

/** Gives 1 when something is wrong. */
function show(result: GuestResult | undefined, artifact: Pick<MatrixArtifact, 'name' | 'asks'>): 0 | 1 {
  const lines = wrongIn(result, artifact)
  const most = Math.max(0, ...(result?.programs ?? []).map(({ verifiedInstructions }) => verifiedInstructions))
  const made =
    result?.times === undefined
      ? ''
      : Object.entries(result.times)
          .map(([phase, ms]) => `${phase} ${ms.toFixed(0)}`)
          .join(', ')
  const said = result?.applied ? `${result.programs.length} programs, at most ${most} verified instructions; apply, ms: ${made}` : 'refused'
  process.stdout.write(
    `  ${lines.length === 0 ? 'ok    ' : 'WRONG '} ${artifact.name.padEnd(8)} ${said}\n${lines.map((line) => `         ${line}\n`).join('')}`,
  )
  if (result?.log !== undefined) process.stdout.write(`${result.log}\n`)
  return lines.length === 0 ? 0 : 1
}
