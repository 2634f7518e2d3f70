/**
 * Starts the holder of an instance. In: the instance and its pins; out: a process in a session and a cgroup of its own, which outlives this one.
 * Invariant: at most one holder an instance (it locks its directory); it is not in a governed cgroup.
 */
import { spawn } from 'node:child_process'
import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { coded } from '../coded-error.ts'
import type { Pins } from '../pins.ts'
import { holderDirectory, makeHolderCgroup } from './holder-place.ts'

const PROGRAM = fileURLToPath(new URL('../holder/kmesh-holder.gen.bin', import.meta.url))
const LOG = 'holder.log'
const READY_WITHIN = 10_000

/** Resolves when it can be talked to. */
export async function startHolder(instance: string, pins: Pins): Promise<void> {
  if (!existsSync(PROGRAM)) throw coded('KM9301', `${PROGRAM} is not there`)
  const directory = holderDirectory(instance)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o700)
  const log = openSync(join(directory, LOG), 'w', 0o600)
  try {
    await ready(
      spawn(PROGRAM, [directory, pins.root, makeHolderCgroup(instance)], { detached: true, stdio: ['ignore', 'pipe', log], cwd: '/' }),
      directory,
    )
  } finally {
    closeSync(log)
  }
}

function ready(child: ReturnType<typeof spawn>, directory: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail('does not get ready'), READY_WITHIN)
    const settle = (): void => {
      clearTimeout(timer)
      child.removeAllListeners()
      child.stdout?.destroy()
      child.unref()
    }
    const fail = (why: string): void => {
      settle()
      reject(coded('KM9301', `the holder ${why}; its log is ${join(directory, LOG)}`))
    }
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code, signal) => fail(`ended at once (${signal ?? `exit ${code}`})`))
    child.stdout?.once('data', () => {
      settle()
      resolve()
    })
  })
}
