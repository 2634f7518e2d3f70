/**
 * kmesh in front of the servers of a world. In: a snapshot, the governed place, cgroups of servers on the node; out: the cgroup of the holder, and what undoes it all.
 * Invariant: the node process is ready and accepts in the client's namespace when this resolves, or it throws what went wrong.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { holderCgroup } from '../../runtime/serve/holder-place.ts'
import { command, detachIfThere } from '../commands.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { type Place, run, start } from '../kit/process.ts'
import { type Serving, startServing } from '../kit/serving.ts'

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
  writeFileSync(file, snapshot)
  run([...command('kmeshc'), 'compile', file, '-o', artifact])
  const detach = undoAtExit(() => detachIfThere(instance))
  const runtimeCommand = command('kmesh-runtime')
  let serving: Serving | undefined
  const close = (): void => {
    serving?.end()
    detach()
  }
  try {
    run([...runtimeCommand, 'apply', artifact, '--instance', instance, '--cgroup', governed.cgroup], { namespace: governed.namespace })
    // a governed process, by which the node process learns of the namespace before the first client
    start(['sleep', 'infinity'], governed, 'ignore')
    serving = await startServing(instance, { observe, place: runtime })
    await untilAnswers(answers)
  } catch (error) {
    close()
    throw error
  }
  return { instance, holder: holderCgroup(instance), close }
}

async function untilAnswers(answers: () => boolean): Promise<void> {
  for (const deadline = Date.now() + READY; !answers(); ) {
    if (Date.now() > deadline) throw new Error('the service does not answer')
    await sleep(100)
  }
}
