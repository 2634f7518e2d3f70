/**
 * A place for stress tests: a closed namespace, a governed cgroup, servers on every endpoint. In: endpoints; out: apply and dialers.
 * Invariant: undone when the test ends, however it ends (kit/cleanup.ts).
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command, detachIfThere } from '../commands.ts'
import type { Resource } from '../generate.ts'
import { startBackends } from '../kit/backend.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { type Dialer, startDialer } from '../kit/dialer.ts'
import { makeNamespace } from '../kit/namespace.ts'
import { type Place, run } from '../kit/process.ts'
import { ROLLBACK } from './rollback-word.ts'
import type { Target } from './snapshots.ts'

export interface World {
  readonly place: Place & { readonly cgroup: string; readonly namespace: string }
  readonly instance: string
  /** for files, while the world is there */
  readonly folder: string
  /** Compiles resources to an artifact; its path. */
  compile(resources: readonly Resource[]): string
  apply(artifact: string): void
  /** The same in a process of its own that stays, so that the next one starts at once and this one goes on meanwhile. */
  applyAside(artifact: string): Promise<void>
  /** What was in force before is again; in that process. */
  rollbackAside(): Promise<void>
  /** SIGKILL to that process; the next one is another. What it was doing fails with KILLED. */
  killAside(): void
  dialer(): Dialer
  close(): void
}

/** What an action fails with whose process was killed. */
export const KILLED = 'the applier was killed'

let counter = 0
const APPLIER = fileURLToPath(new URL('applier.ts', import.meta.url))

export async function makeStressWorld(endpoints: readonly Target[]): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-stress-'))
  const undo = [undoAtExit(() => rmSync(folder, { recursive: true, force: true }))]
  const namespace = await makeNamespace({
    addresses: endpoints.map(({ address }) => address).filter((address) => !address.startsWith('127.')),
  })
  undo.push(namespace.remove)
  const cgroup = makeCgroup('kmesh-stress')
  undo.push(cgroup.remove)
  const instance = `kmesh-stress-${process.pid}-${counter++}`
  undo.push(undoAtExit(() => detachIfThere(instance)))
  const backends = await startBackends(
    endpoints.map(({ address, port }) => ({ address, port, protocol: 'tcp' })),
    { namespace: namespace.path },
  )
  undo.push(backends.stop)
  let applier: ChildProcess | undefined
  const place = { namespace: namespace.path, cgroup: cgroup.path }
  function aside(message: string): Promise<void> {
    applier ??= fork(APPLIER, [instance, cgroup.path], { execArgv: ['--import', 'tsx'] })
    const child = applier
    return new Promise((resolve, reject) => {
      child.once('message', (text) => {
        child.removeAllListeners('exit')
        if (text === '') resolve()
        else reject(new Error(`apply: ${text}`))
      })
      child.once('exit', (code, signal) => reject(new Error(signal === 'SIGKILL' ? KILLED : `the applier ended with ${code}`)))
      child.send(message)
    })
  }
  return {
    place,
    instance,
    folder,
    compile(resources) {
      const base = join(folder, `${counter++}`)
      writeFileSync(`${base}.json`, JSON.stringify(resources))
      run([...command('kmeshc'), 'compile', `${base}.json`, '-o', `${base}.tar`])
      return `${base}.tar`
    },
    apply: (artifact) =>
      void run([...command('kmesh-runtime'), 'apply', artifact, '--instance', instance, '--cgroup', cgroup.path], {
        namespace: namespace.path,
      }),
    applyAside: (artifact) => aside(artifact),
    rollbackAside: () => aside(ROLLBACK),
    killAside() {
      applier?.kill('SIGKILL')
      applier = undefined
    },
    dialer() {
      const dialer = startDialer(place)
      undo.push(dialer.stop)
      return dialer
    },
    close() {
      applier?.disconnect()
      for (const one of undo.reverse()) one()
    },
  }
}
