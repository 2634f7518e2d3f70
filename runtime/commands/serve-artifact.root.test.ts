/** `kmesh-runtime serve --artifact` as a process: what it applies first, and deltas before it, below it and as its file. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { artifactsDelta, deltaFile } from '../../scripts/kit/artifacts-delta.ts'
import { buildHolder } from '../../scripts/kit/build-holder.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { type GovernedArtifact, governedArtifact } from '../../scripts/kit/governed-artifact.ts'
import { noMachine } from '../../scripts/kit/no-machine.ts'
import { applyDelta } from '../delta/apply-delta.ts'
import { detach } from '../detach.ts'
import { history } from '../history.ts'
import { existingPins } from '../place.ts'
import { retireHolder, sweepAfter } from '../serve/retire-holder.ts'

const INSTANCE = `kmesh-serve-first-${process.pid}`
const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'kmesh-serve-first-'))
buildHolder()
undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})

const made = (...endpoints: readonly number[]): Promise<GovernedArtifact> =>
  governedArtifact([{ name: 'one', address: '127.96.29.1', port: 80, endpoints: endpoints.map((last) => `127.96.29.${last}:80`) }])
const [one, two, three] = [await made(11), await made(11, 12), await made(12)]
const file = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}
const files = {
  one: file('one.tar', one.bytes),
  further: file('further.tar', await deltaFile(two.artifact, three.artifact)),
  elsewhere: file('elsewhere.tar', await deltaFile(one.artifact, two.artifact)),
}
const inForce = (): readonly [number, string] => {
  const [live] = history(INSTANCE).generations
  return [live?.generation ?? 0, live?.artifact ?? '']
}

interface Served {
  readonly code: number | null
  readonly said: string
}

/** Serves until it holds or ends by itself, does `meanwhile`, and leaves. */
async function served(artifact: string, meanwhile: () => Promise<void> = async () => undefined): Promise<Served> {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'serve', '--instance', INSTANCE, '--artifact', artifact], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = undoAtExit(() => child.kill('SIGKILL'))
  let said = ''
  const holds = new Promise<void>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      said += piece
      if (/the holder, process \d+/.test(said)) resolve()
    })
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  await Promise.race([holds, ended])
  if (child.exitCode === null) await meanwhile()
  child.kill('SIGHUP')
  const code = await ended
  kill()
  return { code, said }
}

test('an artifact is applied first, and deltas go on below it', async () => {
  const { code, said } = await served(files.one, async () => {
    assert.equal(inForce(), [1, one.artifact.digest])
    await applyDelta({ delta: await artifactsDelta(one.artifact, two.artifact), instance: INSTANCE, host: noMachine() })
  })
  assert.is(code, 0, said)
  assert.match(said, /generation 1 of instance/)
  assert.equal(inForce(), [2, two.artifact.digest])
})

test('a delta whose result is in force is left alone, one that leads on is applied', async () => {
  const again = await served(files.elsewhere)
  assert.is(again.code, 0, again.said)
  assert.not.match(again.said, /generation/)
  assert.equal(inForce(), [2, two.artifact.digest])
  const further = await served(files.further)
  assert.match(further.said, /generation 3 of instance/)
  assert.equal(inForce(), [3, three.artifact.digest])
})

test('a delta of another base is refused with its digest, and nothing is changed', async () => {
  const { code, said } = await served(files.elsewhere)
  assert.is(code, 1, said)
  assert.match(said, /KM9137/)
  assert.equal(inForce(), [3, three.artifact.digest])
})

test('nothing is left', async () => {
  await retireHolder(INSTANCE, 'serve', 5000)
  detach(INSTANCE)
  await sweepAfter(INSTANCE)
  assert.is(existingPins(INSTANCE), null)
})

test.run()
