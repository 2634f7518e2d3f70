/**
 * Compile and apply of generated snapshots. In: how many services and endpoints, how often; out: times, memory, rates.
 * Addresses are 10.x: nothing is dialled here. Invariant: the first compile only warms the object cache and is not counted.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ApplyReport } from '../../runtime/apply-request.ts'
import { ROOT, command, detachIfThere } from '../commands.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { run } from '../kit/process.ts'
import { runMeasured } from './measured.ts'
import type { ApplyResult, CompileResult } from './report.ts'
import { series } from './traffic.ts'

export interface Size {
  readonly services: number
  readonly endpoints: number
}

export function runTables(
  size: Size,
  times: number,
  progress: (text: string) => void,
): { readonly compile: CompileResult; readonly apply: ApplyResult } {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-bench-'))
  const remove = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
  const snapshot = join(folder, 'snapshot.json')
  const artifact = join(folder, 'artifact.tar')
  const numbers = ['--services', `${size.services}`, '--endpoints', `${size.endpoints}`, '--network', '10']
  run([process.execPath, '--import', 'tsx', join(ROOT, 'scripts/generate.ts'), ...numbers, '-o', snapshot])
  const compileOnce = (): ReturnType<typeof runMeasured> => runMeasured([...command('kmeshc'), 'compile', snapshot, '-o', artifact])
  compileOnce()
  const compiled = Array.from({ length: times }, (_, index) => {
    progress(`compile ${size.services} services, ${size.endpoints} endpoints: ${index + 1} of ${times}`)
    return compileOnce()
  })
  const compile: CompileResult = {
    ...size,
    seconds: series(compiled.map(({ seconds }) => seconds)),
    peakMiB: series(compiled.map(({ peakMiB }) => peakMiB)),
    artifactBytes: statSync(artifact).size,
  }
  const apply = runApply(size, artifact, times, progress)
  remove()
  return { compile, apply }
}

function runApply(size: Size, artifact: string, times: number, progress: (text: string) => void): ApplyResult {
  const instance = `kmesh-bench-tables-${process.pid}`
  const cgroup = makeCgroup('kmesh-bench-tables')
  const detach = undoAtExit(() => detachIfThere(instance))
  const applied = Array.from({ length: times }, (_, index) => {
    progress(`apply ${size.services} services, ${size.endpoints} endpoints: ${index + 1} of ${times}`)
    const argv = [...command('kmesh-runtime'), 'apply', artifact, '--instance', instance, '--cgroup', cgroup.path, '--json']
    const { seconds, stdout } = runMeasured(argv)
    return { seconds, report: JSON.parse(stdout) as ApplyReport }
  })
  detach()
  cgroup.remove()
  const reports = applied.map(({ report }) => report)
  const { entries, memory } = reports[0] as ApplyReport
  return {
    ...size,
    entries: entries.endpoints + entries.listenerKeys,
    entriesPerSecond: series(reports.map(({ entriesPerSecond }) => entriesPerSecond)),
    tablesSeconds: series(reports.map(({ times: { make, fill } }) => (make + fill) / 1000)),
    programsSeconds: series(reports.map(({ times: { programs } }) => programs / 1000)),
    seconds: series(applied.map(({ seconds }) => seconds)),
    kernelBytesPerEndpoint: memory.perEndpoint,
  }
}
