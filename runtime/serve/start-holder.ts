/**
 * Starts the holder of an instance. In: the instance and its pins; out: a process in a session and a cgroup of its own, which outlives this one.
 * Invariant: at most one holder an instance (it locks its directory); it is not in a governed cgroup.
 */
import { spawn } from 'node:child_process'
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { coded } from '../coded-error.ts'
import type { Pins } from '../pins.ts'
import { holderDirectory, holderLog, makeHolderCgroup } from './holder-place.ts'

const PROGRAM = fileURLToPath(new URL('../holder/kmesh-holder.gen.bin', import.meta.url))
/** Bytes of the log that the next holder goes on with; a longer one stays beside its own (`holder.log.1`). */
const LOG_ROOM = 65_536
const READY_WITHIN = 10_000

/** Resolves when it can be talked to. `program`: another build of it. */
export async function startHolder(instance: string, pins: Pins, program = PROGRAM): Promise<void> {
  if (!existsSync(program)) throw coded('KM9301', `${program} is not there`)
  const directory = holderDirectory(instance)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o700)
  const log = openLog(holderLog(instance))
  try {
    await ready(
      spawn(program, [directory, pins.root, makeHolderCgroup(instance)], { detached: true, stdio: ['ignore', 'pipe', log], cwd: '/' }),
      holderLog(instance),
    )
  } finally {
    closeSync(log)
  }
}

/** What the one before said last stays, as it may tell why it is no more. */
function openLog(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > LOG_ROOM) renameSync(path, `${path}.1`)
  return openSync(path, 'a', 0o600)
}

function ready(child: ReturnType<typeof spawn>, log: string): Promise<void> {
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
      reject(coded('KM9301', `the holder ${why}; its log is ${log}`))
    }
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code, signal) => fail(`ended at once (${signal ?? `exit ${code}`})`))
    child.stdout?.once('data', () => {
      settle()
      resolve()
    })
  })
}
