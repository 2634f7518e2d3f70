/** `kmesh-runtime detach`: takes an instance out of the kernel. JSON: proto/detach.schema.json. */
import { detach } from '../detach.ts'
import { retireHolder, sweepAfter } from '../serve/retire-holder.ts'
import { watchInterruption } from './interruption.ts'
import { type Format, finish } from './output.ts'

export function detachCommand(args: { readonly instance: string; readonly format: Format }): Promise<number> {
  return finish(args.format, async () => {
    // a detach that has begun goes on to its end, whatever signal comes
    watchInterruption()
    const report = detach(args.instance)
    await retireHolder(args.instance, 'observe', 0)
    await sweepAfter(args.instance)
    const cgroup = report.cgroup === null ? '' : `; ${report.cgroup} ${report.cgroupRemoved ? 'is removed' : 'stays'}`
    return { json: { ...report }, text: `instance ${report.instance} is detached (${report.hooks.length} hooks)${cgroup}\n`, findings: [] }
  })
}
