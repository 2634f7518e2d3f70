/**
 * kmesh in front of the servers of a world. In: a snapshot, the governed place, cgroups of servers on the node; out: the cgroup of the holder, and what undoes it all.
 * Invariant: the node process is ready and accepts in the client's namespace when this resolves, or it throws what went wrong.
 */
import type { ChildProcess } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { holderCgroup } from '../../runtime/serve/holder-place.ts'
import { command, detachIfThere } from '../commands.ts'
import { buildHolder } from '../kit/build-holder.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { type Place, run, start } from '../kit/process.ts'

export interface Kmesh {
  readonly instance: string
  /** where its sockets are held */
  readonly holder: string
  close(): void
}

export interface KmeshOptions {
  readonly folder: string
  /** part of the instance's name */
  readonly name: string
  readonly snapshot: string
  /** where governed clients run */
  readonly governed: Required<Pick<Place, 'namespace' | 'cgroup'>>
  /** where the node process runs */
  readonly runtime: Place
  readonly observe: readonly string[]
  /** Whether the service answers already; asked again and again. */
  readonly answers: () => boolean
}

/** Milliseconds until services have to answer. */
const READY = 20_000

export async function startKmesh(options: KmeshOptions): Promise<Kmesh> {
  const { folder, name, snapshot, governed, runtime, observe, answers } = options
  const instance = `kmesh-bench-http-${process.pid}-${name}`
  const file = join(folder, `${name}.json`)
  const artifact = join(folder, `${name}.tar`)
  buildHolder()
  writeFileSync(file, snapshot)
  run([...command('kmeshc'), 'compile', file, '-o', artifact])
  const detach = undoAtExit(() => detachIfThere(instance))
  const runtimeCommand = command('kmesh-runtime')
  const stop = undoAtExit(() => stopServing(runtimeCommand, instance))
  const close = (): void => {
    stop()
    detach()
  }
  try {
    run([...runtimeCommand, 'apply', artifact, '--instance', instance, '--cgroup', governed.cgroup], { namespace: governed.namespace })
    // a governed process, by which the node process learns of the namespace before the first client
    start(['sleep', 'infinity'], governed, 'ignore')
    const argv = [...runtimeCommand, 'serve', '--instance', instance, ...observe.flatMap((path) => ['--observe', path])]
    const serving = start(argv, runtime, ['ignore', 'ignore', 'pipe'])
    await ready(serving, answers)
  } catch (error) {
    close()
    throw error
  }
  return { instance, holder: holderCgroup(instance), close }
}

/** Without a word where that works; else the holder, which is ours alone, is ended by its cgroup. */
function stopServing(runtimeCommand: readonly string[], instance: string): void {
  try {
    run([...runtimeCommand, 'serve', '--stop', '--instance', instance])
  } catch (error) {
    const path = holderCgroup(instance)
    if (!existsSync(path)) throw error
    writeFileSync(join(path, 'cgroup.kill'), '1')
  }
}

async function ready(serving: ChildProcess, answers: () => boolean): Promise<void> {
  let said = ''
  serving.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-2000)
  })
  for (const deadline = Date.now() + READY; ; ) {
    await sleep(100)
    if (serving.exitCode !== null) throw new Error(`kmesh-runtime serve ended with ${serving.exitCode}: ${said}`)
    if (answers()) return
    if (Date.now() > deadline) throw new Error(`the service does not answer; kmesh-runtime serve said: ${said}`)
  }
}
