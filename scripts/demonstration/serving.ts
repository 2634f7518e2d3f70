/**
 * The node process in the demo. In: an instance. Out: `kmesh-runtime serve` in the background, ready; ways to let it go and to end all of it.
 * Invariant: process and holder are gone after `endServing`, also where `serve` was let go before.
 */
import { type ChildProcess, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { holderCgroup } from '../../runtime/serve/holder-place.ts'
import { command } from '../commands.ts'
import { start } from '../kit/process.ts'

/** Milliseconds. */
const READY = 20_000

export interface Serving {
  readonly pid: number
  /** when it ends */
  readonly ended: Promise<number | null>
  /** SIGHUP: the holder stays */
  leave(): void
}

/** Resolves once it says that it has a holder. */
export async function startServing(instance: string): Promise<Serving> {
  const child: ChildProcess = start([...command('kmesh-runtime'), 'serve', '--instance', instance], {}, ['ignore', 'ignore', 'pipe'])
  let said = ''
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`kmesh-runtime serve is not ready: ${said}`)), READY)
    child.stderr?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-2000)
      if (!/(?:found|started) the holder/.test(said)) return
      clearTimeout(timer)
      resolve()
    })
    void ended.then((code) => {
      clearTimeout(timer)
      reject(new Error(`kmesh-runtime serve ended with ${code}: ${said}`))
    })
  })
  return { pid: child.pid as number, ended, leave: () => void child.kill('SIGHUP') }
}

/** With its own command where that works; else the holder is ended by its cgroup, which is this instance's alone. */
export function endServing(instance: string): void {
  const [file, ...rest] = [...command('kmesh-runtime'), 'serve', '--stop', '--instance', instance]
  const { status } = spawnSync(file, rest, { stdio: 'ignore' })
  const cgroup = holderCgroup(instance)
  if (status !== 0 && existsSync(cgroup)) writeFileSync(join(cgroup, 'cgroup.kill'), '1')
}
