/**
 * The oldest kernel that is supported, in a virtual machine: every kind of program is verified, applied and used there, and what the verifier said goes into an artifact.
 * One to three minutes where the processor cannot help. Where no package of that kernel can be had there is nothing to start: the one test then says so.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kernelLine, type ProofDocument } from '../../proto/artifact/proof.ts'
import { command, ROOT } from '../commands.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { buildHolder } from '../kit/build-holder.ts'
import { fetchKernel } from './kernel-packages.ts'

const LINE = '6.1'
const folder = mkdtempSync(join(tmpdir(), 'kmw-kernels-'))
undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
const proof = join(folder, 'proof.json')

function whyNone(): string | undefined {
  try {
    fetchKernel(LINE)
    return undefined
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  }
}

/** Its output and exit code; the event loop is not held up, as the runner's signal has to come through. */
function run(argv: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(argv[0] as string, argv.slice(1), { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, said })))
}

const why = whyNone()
if (why === undefined) {
  test(`kernel ${LINE}: all programs are verified, applied and used`, async () => {
    buildHolder()
    const { code, said } = await run([process.execPath, '--import', 'tsx', 'scripts/kernels/main.ts', LINE, '--proof', proof])
    assert.is(code, 0, said)
    for (const artifact of ['l4', 'http', 'features'])
      assert.match(said, new RegExp(`^ {2}ok +${artifact} .*apply, ms: .*programs \\d+`, 'm'))
  })

  test('its proof goes into an artifact', async () => {
    const { kernels } = JSON.parse(readFileSync(proof, 'utf8')) as ProofDocument
    assert.equal(
      kernels.map(({ kernel }) => kernelLine(kernel)),
      [LINE],
    )
    const artifact = join(folder, 'artifact.tar')
    const { code, said } = await run([...command('kmeshc'), 'compile', 'fixtures/demo/http.yaml', '-o', artifact, '--proof', proof])
    assert.is(code, 0, said)
    assert.not.match(said, /KM1606/)
    assert.match(said, new RegExp(`proven on kernel ${kernels[0]?.kernel}`))
  })
} else test(`no kernel ${LINE} to start: ${why}`, () => assert.is.not(why, ''))

test.run()
