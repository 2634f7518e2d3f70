/**
 * The node process of an instance. In: the instance, what it observes, where it runs. Out: `kmesh-runtime serve` in the background, ready; ways to let it go and to end it.
 * Invariant: it has a holder when `startServing` resolves; process and holder are gone after `end`, also where `serve` was let go before or this process is interrupted.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { holderCgroup } from '../../runtime/serve/holder-place.ts'
import { command } from '../commands.ts'
import { buildHolder } from './build-holder.ts'
import { undoAtExit } from './cleanup.ts'
import { type Place, start } from './process.ts'

/** Milliseconds. */
const READY = 60_000
/** Characters of what it said that an error shows. */
const SAID = 2000

export interface ServingOptions {
  /** cgroups of servers on this node */
  readonly observe?: readonly string[]
  readonly place?: Place
}

export interface Serving {
  readonly pid: number
  /** resolves when the process is gone; its exit code */
  readonly ended: Promise<number | null>
  /** SIGHUP: the holder stays */
  leave(): void
  /** takes the holder with it */
  end(): void
}

/** One for each instance, however often its node process is started anew. */
const endings = new Map<string, () => void>()

export async function startServing(instance: string, { observe = [], place = {} }: ServingOptions = {}): Promise<Serving> {
  buildHolder()
  const argv = [...command('kmesh-runtime'), 'serve', '--instance', instance, ...observe.flatMap((path) => ['--observe', path])]
  const child = start(argv, place, ['ignore', 'ignore', 'pipe'])
  const end = endings.get(instance) ?? undoAtExit(() => endServing(instance))
  endings.set(instance, end)
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`kmesh-runtime serve is not ready: ${said}`)), READY)
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-SAID)
      if (!/(?:found|started) the holder/.test(said)) return
      clearTimeout(timer)
      resolve()
    })
    void ended.then((code) => {
      clearTimeout(timer)
      reject(new Error(`kmesh-runtime serve ended with ${code}: ${said}`))
    })
  })
  return { pid: child.pid as number, ended, leave: () => void child.kill('SIGHUP'), end }
}

/** With its own command where that works; else the holder is ended by its cgroup, which is this instance's alone. */
function endServing(instance: string): void {
  endings.delete(instance)
  const [file, ...rest] = [...command('kmesh-runtime'), 'serve', '--stop', '--instance', instance]
  const { status } = spawnSync(file, rest, { stdio: 'ignore' })
  const cgroup = holderCgroup(instance)
  if (status !== 0 && existsSync(cgroup)) writeFileSync(join(cgroup, 'cgroup.kill'), '1')
}
