/**
 * A runtime that is asked to end in the midst of its work: what was begun is undone or finished, never left half done, and no stack trace is shown.
 * (A runtime that is killed: runtime/crash.root.test.ts)
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cgroup2Mount } from '../../runtime/governed-cgroup.ts'
import { namesIn, pinsOf } from '../../runtime/pins.ts'
import { status } from '../../runtime/status.ts'
import { ensureBpffs } from '../../runtime/sys/mountinfo.ts'
import { command, detachIfThere } from '../commands.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { kernelView } from '../kit/kernel-view.ts'
import type { PitfallService } from './services.ts'
import { compiled } from './world.ts'

const PORT = 29400
const INSTANCE = `kmp-cut-${process.pid}`
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const folder = mkdtempSync(join(tmpdir(), 'kmp-'))
undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
undoAtExit(() => detachIfThere(INSTANCE))
const pins = pinsOf(ensureBpffs().path, INSTANCE)
const cgroup = join(cgroup2Mount(), 'kmesh', INSTANCE)

async function artifact(name: string, count: number): Promise<string> {
  const services = Array.from({ length: count }, (_, index): PitfallService => {
    const address = `127.96.${22 + (index >>> 8)}.${index & 255}`
    return {
      name: `${index}`,
      protocol: index % 2 === 0 ? 'tcp' : 'udp',
      address,
      port: 80,
      endpoints: [{ address: '127.0.0.1', port: PORT }],
    }
  })
  const file = join(folder, name)
  writeFileSync(file, (await compiled(services)).bytes)
  return file
}
const first = await artifact('first.tar', 400)
const second = await artifact('second.tar', 300)

interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly errors: string
}

/** Runs a command and sends it a signal as soon as something is seen. */
async function interrupted(args: readonly string[], signal: NodeJS.Signals, seen: () => unknown): Promise<End> {
  const [file, ...rest] = [...command('kmesh-runtime'), ...args, '--instance', INSTANCE]
  const child = spawn(file, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const end = new Promise<End>((resolve) => child.once('close', (code, by) => resolve({ code, signal: by, errors })))
  while (child.exitCode === null && child.signalCode === null && !seen()) await pause(1)
  child.kill(signal)
  const result = await end
  assert.not.match(result.errors, /internal error|\n {4}at /)
  return result
}

/** How it ended, in one word. */
function word({ code, signal, errors }: End): 'done' | 'undone' {
  if (code === 0) return 'done'
  assert.is(signal, null, 'not ended by the signal')
  assert.is(code, 1)
  assert.match(errors, /^error KM9125: interrupted by SIG(INT|TERM|HUP); nothing was changed\n {2}fix Apply again\.\n$/)
  return 'undone'
}

const EMPTY = kernelView(INSTANCE)
const moments: Readonly<Record<string, () => boolean>> = {
  'its directory': () => existsSync(pins.root),
  'its first map': () => existsSync(pins.map('km_generation')),
  'the first program': () => existsSync(pins.base),
  'the first link': () => existsSync(pins.links),
  'state rows': () => existsSync(pins.states),
  'an epoch': () => existsSync(join(pins.epochs, '0', 'km_endpoint')),
}

for (const [index, [what, seen]] of Object.entries(moments).entries()) {
  const signal = SIGNALS[index % SIGNALS.length] as NodeJS.Signals
  test(`${signal} in a first apply, at ${what}: nothing is left, and the next one works`, async () => {
    const how = word(await interrupted(['apply', first], signal, seen))
    if (how === 'undone') {
      assert.equal(kernelView(INSTANCE), EMPTY)
      assert.not(existsSync(pins.root) || existsSync(cgroup))
    } else assert.is(status(INSTANCE).generation, 1)
    detachIfThere(INSTANCE)
    assert.equal(kernelView(INSTANCE), EMPTY)
  })
}

const applied = async (file: string): Promise<void> => {
  assert.is((await interrupted(['apply', file], 'SIGCONT', () => false)).code, 0)
}

test('signals in later applies: the generation of before, untouched, or the new one', async () => {
  await applied(first)
  const words = new Set<string>()
  for (const [index, what] of ['km_cluster', 'km_endpoint', 'km_names', 'states'].entries()) {
    const before = kernelView(INSTANCE)
    const epochs = new Set(namesIn(pins.epochs))
    const isBuilt = (): boolean => namesIn(pins.epochs).some((name) => !epochs.has(name) && existsSync(join(pins.epochs, name, what)))
    const how = word(await interrupted(['apply', second], SIGNALS[index % SIGNALS.length] as NodeJS.Signals, isBuilt))
    words.add(how)
    if (how === 'done') continue
    const { owners: _, ...rest } = kernelView(INSTANCE)
    const { owners: __, ...expected } = before
    assert.equal(rest, expected, what)
  }
  assert.ok(words.has('undone'), 'at least one came in time')
  await applied(second)
  assert.is(status(INSTANCE).listeners.length, 300)
})

test('signals in a detach: it goes on to its end', async () => {
  for (const [index, seen] of [
    () => !existsSync(pins.link('connect6')),
    () => !existsSync(pins.links),
    () => namesIn(pins.root).length < 10,
  ].entries()) {
    await applied(first)
    // the last may come when all is done and the process is about to end: then it ends by the signal
    await interrupted(['detach'], SIGNALS[index % SIGNALS.length] as NodeJS.Signals, seen)
    assert.equal(kernelView(INSTANCE), EMPTY)
    assert.not(existsSync(pins.root) || existsSync(cgroup))
  }
})

test.run()
