/**
 * `kmesh-runtime serve` as a process: it comes before the instance, stays when that goes, and leaves the holder to the next one; nothing is left in the end.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { acceptor, acceptorKey } from '../../proto/http/sockets.ts'
import type { RuntimeCounter } from '../../proto/watching.ts'
import { buildHolder } from '../../scripts/kit/build-holder.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { governedArtifact } from '../../scripts/kit/governed-artifact.ts'
import { makeNamespace } from '../../scripts/kit/namespace.ts'
import { noMachine } from '../../scripts/kit/no-machine.ts'
import { start } from '../../scripts/kit/process.ts'
import { apply } from '../apply.ts'
import { detach } from '../detach.ts'
import { rowReader } from '../field.ts'
import { openInstance } from '../held-generation.ts'
import { existingPins } from '../place.ts'
import { openRuntimeCounts } from '../runtime-counts.ts'
import { readAll } from '../sys/libbpf-map.ts'
import { askHolder } from './holder-presence.ts'
import { holderCgroup, holderDirectory } from './holder-place.ts'
import { retireHolder, sweepAfter } from './retire-holder.ts'

const INSTANCE = `kmh4-serve-${process.pid}`
const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))

buildHolder()
const { artifact } = await governedArtifact([{ name: 'one', address: '127.96.24.19', port: 24019, endpoints: ['127.0.0.1:24020'] }])
const cgroup = makeCgroup('kmh4-serve')
const running: Serving[] = []
undoAtExit(() => {
  for (const { child } of running) child.kill('SIGKILL')
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
})

const applied = () => apply({ artifact, instance: INSTANCE, cgroup: cgroup.path, diverted: 'refuse', mode: 'apply', host: noMachine() })

function countOf(counter: RuntimeCounter): number {
  const place = existingPins(INSTANCE)
  const counts = place === null ? null : openRuntimeCounts(place.pins)
  try {
    return counts?.of(counter) ?? 0
  } finally {
    counts?.close()
  }
}

interface Serving {
  readonly child: ChildProcess
  /** resolves once this was said */
  said(text: RegExp): Promise<string>
  readonly exited: Promise<number | NodeJS.Signals>
}

function serving(...more: readonly string[]): Serving {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'serve', '--instance', INSTANCE, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const waiting: { readonly pattern: RegExp; resolve(line: string): void }[] = []
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
    for (const one of waiting) {
      const found = one.pattern.exec(text)
      if (found !== null) one.resolve(found[0])
    }
  })
  const made: Serving = {
    child,
    exited: new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code ?? -1))),
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const found = pattern.exec(text)
        if (found !== null) resolve(found[0])
        waiting.push({ pattern, resolve })
        setTimeout(() => reject(new Error(`${pattern} was not said: ${text}`)), 15_000).unref()
      }),
  }
  running.push(made)
  return made
}

/** "<netns> <family>" of every row of km_acceptor with a port. */
function acceptors(): readonly string[] {
  const { tables } = openInstance(INSTANCE)
  try {
    const { keys, values, count } = readAll(tables.fd('km_acceptor'), acceptorKey.size, acceptor.size, 16)
    const key = rowReader(acceptorKey, keys)
    const value = rowReader(acceptor, values)
    return Array.from({ length: count }, (_, at) => at)
      .filter((at) => value.number(at * acceptor.size, 'port') > 0)
      .map((at) => `${key.big(at * acceptorKey.size, 'netns')} ${key.number(at * acceptorKey.size, 'family')}`)
  } finally {
    tables.close()
  }
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}

const first = serving()

test('it waits for the first apply, then accepts for both families', async () => {
  await first.said(/waiting for kmesh-runtime apply/)
  await applied()
  await first.said(/started the holder/)
  await until('two acceptors', () => acceptors().length === 2)
})

test('a namespace that a governed process is in gets acceptors, and loses them with its last process', async () => {
  const namespace = await makeNamespace({ addresses: [] })
  const child = start(['sleep', '60'], { namespace: namespace.path, cgroup: cgroup.path }, 'ignore')
  await until('four acceptors', () => acceptors().length === 4)
  child.kill('SIGKILL')
  namespace.remove()
  await until('two again', () => acceptors().length === 2).catch(() => until('two again', () => acceptors().length === 2))
})

test('killed, it leaves the holder; the next one finds it', async () => {
  const before = await askHolder(INSTANCE)
  assert.is(before?.node, 'serving')
  first.child.kill('SIGKILL')
  assert.is(await first.exited, 'SIGKILL')
  await until('nobody serves', async () => (await askHolder(INSTANCE))?.node === 'absent')
  assert.is(acceptors().length, 2)
  const second = serving()
  await second.said(/found the holder, process \d+/)
  assert.is((await askHolder(INSTANCE))?.pid, before?.pid)
})

test('a newer one replaces it, and SIGHUP leaves the holder alone', async () => {
  const second = running[1] as Serving
  const third = serving()
  await third.said(/found the holder/)
  assert.is(await second.exited, 0)
  third.child.kill('SIGHUP')
  assert.is(await third.exited, 0)
  assert.is((await askHolder(INSTANCE))?.node, 'absent')
})

test('a holder that dies is replaced', async () => {
  const fourth = serving()
  await fourth.said(/found the holder/)
  const before = await askHolder(INSTANCE)
  process.kill(before?.pid as number, 'SIGKILL')
  await fourth.said(/started the holder/)
  assert.is(countOf('holder_lost'), 1)
  await until('two acceptors', () => acceptors().length === 2)
  assert.is.not((await askHolder(INSTANCE))?.pid, before?.pid)
})

test('the instance may be detached and applied again under it', async () => {
  const fourth = running[3] as Serving
  detach(INSTANCE)
  await fourth.said(/was detached[\s\S]*waiting for kmesh-runtime apply/)
  await applied()
  await fourth.said(/was detached[\s\S]*started the holder/)
  await until('two acceptors', () => acceptors().length === 2)
})

test('SIGTERM ends it and the holder', async () => {
  const fourth = running[3] as Serving
  const holder = (await askHolder(INSTANCE))?.pid as number
  fourth.child.kill('SIGTERM')
  assert.is(await fourth.exited, 0)
  assert.is(isRunning(holder), false)
  assert.is(await askHolder(INSTANCE), null)
  assert.equal(acceptors(), [])
  assert.is(existsSync(holderCgroup(INSTANCE)), false)
})

test('--stop ends whoever serves', async () => {
  const fifth = serving()
  await fifth.said(/started the holder/)
  const stop = serving('--stop')
  assert.is(await stop.exited, 0)
  assert.is(await fifth.exited, 0)
  assert.is(await askHolder(INSTANCE), null)
})

test('nothing is left', async () => {
  detach(INSTANCE)
  assert.is(await retireHolder(INSTANCE, 'observe', 0), 'absent')
  await sweepAfter(INSTANCE)
  assert.is(existsSync(holderDirectory(INSTANCE)), false)
  cgroup.remove()
})

test.run()
