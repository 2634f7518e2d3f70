/**
 * The process that makes the dials of probes: a child of the runtime, which itself must stay outside of the governed cgroup. In and out: messages (probe.ts). It joins the cgroup first, so
 * that its sockets are governed from the first one on, and ends with its parent.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { carryOut } from './dial.ts'
import type { FromProber, Probe, ToProber } from './probe.ts'

const say = (message: FromProber): void => void process.send?.(message)

process.on('message', (message) => {
  const asked = message as ToProber
  if (asked.kind === 'join') {
    try {
      writeFileSync(join(asked.cgroup, 'cgroup.procs'), String(process.pid))
      say({ kind: 'joined' })
    } catch (error) {
      say({ kind: 'broken', why: (error as Error).message })
    }
  } else void all(asked.probes)
})
process.on('disconnect', () => process.exit(0))

async function all(probes: readonly Probe[]): Promise<void> {
  const failed: string[] = []
  for (const probe of probes) {
    const fault = await carryOut(probe)
    if (fault !== undefined) failed.push(fault)
  }
  say({ kind: 'done', failed })
}
