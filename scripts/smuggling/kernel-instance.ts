/**
 * The kernel as a target: a real instance on loopback with its node process. In: resources, a name, where governed clients run, cgroups of observed servers. Out: it serves, and can be
 * given other resources under way. Invariant: everything is gone after `stop`, also when this process is interrupted.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { detach } from '../../runtime/detach.ts'
import { existingPins } from '../../runtime/place.ts'
import { retireHolder, sweepAfter } from '../../runtime/serve/retire-holder.ts'
import { command } from '../commands.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { run } from '../kit/process.ts'
import { startServing } from '../kit/serving.ts'
import type { JsonObject } from '../oracle/envoy.ts'

export interface KernelInstance {
  readonly name: string
  /** kmeshc compile and kmesh-runtime apply */
  apply(resources: readonly JsonObject[]): void
  stop(): Promise<void>
}

export interface KernelInstanceOptions {
  readonly name: string
  readonly resources: readonly JsonObject[]
  /** cgroup of clients */
  readonly governed: string
  readonly observe: readonly string[]
}

export async function startKernelInstance({ name, resources, governed, observe }: KernelInstanceOptions): Promise<KernelInstance> {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-instance-'))
  const removeFolder = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
  const leave = undoAtExit(() => void (existingPins(name) !== null && detach(name)))
  const apply = (given: readonly JsonObject[]): void => {
    const [snapshot, artifact] = [join(folder, 'snapshot.json'), join(folder, 'artifact.tar')]
    writeFileSync(snapshot, JSON.stringify({ resources: given }))
    run([...command('kmeshc'), 'compile', snapshot, '-o', artifact])
    run([...command('kmesh-runtime'), 'apply', artifact, '--instance', name, '--cgroup', governed])
  }
  apply(resources)
  const serving = await startServing(name, { observe })
  return {
    name,
    apply,
    async stop() {
      serving.end()
      await serving.ended
      leave()
      await retireHolder(name, 'observe', 0)
      await sweepAfter(name)
      removeFolder()
    },
  }
}
