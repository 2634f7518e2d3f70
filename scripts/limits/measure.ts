/**
 * One row of the table of limits. In: how many services and endpoints. Out: what compiling, compiling again, applying and looking up cost. Addresses are 10.x; they are
 * dialled in a closed network namespace only, where no endpoint is.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ApplyReport } from '../../runtime/apply-request.ts'
import { timePrograms } from '../bench-http/program-time.ts'
import { runMeasured } from '../bench/measured.ts'
import { command, detachIfThere } from '../commands.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { makeNamespace } from '../kit/namespace.ts'
import { run } from '../kit/process.ts'
import { python } from '../kit/python.ts'
import { startWatching } from '../kit/watching.ts'
import { writePopulation } from './population.ts'

export interface LimitsRow {
  readonly services: number
  readonly endpoints: number
  readonly snapshotBytes: number
  readonly files: number
  /** of one command, cold; objects are in the cache */
  readonly compileSeconds: number
  readonly peakMiB: number
  readonly artifactBytes: number
  /** of one endpoint's change in `kmeshc watch`, from reading to written, milliseconds: median, largest; then its phases in the median round */
  readonly again: {
    readonly median: number
    readonly most: number
    readonly phases: Readonly<Record<string, number>>
    readonly deltaBytes: number
  }
  /** of the whole command, and of making and filling maps */
  readonly applySeconds: number
  readonly mapsSeconds: number
  readonly kernelBytesPerEndpoint: number
  /** nanoseconds of the programs for one connect() to any service */
  readonly lookupNanoseconds: number
}

const NETWORK = 10
const EDITS = 15
const DIALS = 20_000
const DIALER = fileURLToPath(new URL('dial.py', import.meta.url))

export async function measureRow(services: number, endpoints: number, progress: (text: string) => void): Promise<LimitsRow> {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-limits-'))
  const remove = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
  const files = writePopulation({ services, endpoints, seed: 1, network: NETWORK }, folder)
  const artifact = join(folder, 'artifact.tar')
  const what = `${services} services, ${endpoints} endpoints`
  progress(`compile ${what}`)
  const compiled = runMeasured([...command('kmeshc'), 'compile', ...files, '-o', artifact])
  progress(`compile again ${what}`)
  const again = await measureAgain(files, artifact, join(folder, 'delta.tar'))
  progress(`apply ${what}`)
  const applied = await measureApply(artifact, services)
  const row = {
    services,
    endpoints,
    snapshotBytes: files.reduce((sum, file) => sum + statSync(file).size, 0),
    files: files.length,
    compileSeconds: compiled.seconds,
    peakMiB: compiled.peakMiB,
    artifactBytes: statSync(artifact).size,
    again,
    ...applied,
  }
  remove()
  return row
}

/** The first endpoint of the last file goes to another address and back, one change after the other. */
async function measureAgain(files: readonly string[], base: string, output: string): Promise<LimitsRow['again']> {
  const watching = startWatching([...files, '-o', output, '--base', base])
  await watching.event()
  const last = files.at(-1) as string
  const text = readFileSync(last, 'latin1')
  const at = text.indexOf('"address":"10.', text.indexOf('lbEndpoints')) + '"address":"'.length
  const end = text.indexOf('"', at)
  const rounds: { readonly total: number; readonly times: Readonly<Record<string, number>> }[] = []
  for (let edit = 0; edit < EDITS; edit++) {
    writeFileSync(last, `${text.slice(0, at)}10.250.${edit}.1${text.slice(end)}`, 'latin1')
    const event = await watching.event()
    if (event.event !== 'compiled' || event.way.kind !== 'again') throw new Error(`not compiled again: ${JSON.stringify(event)}`)
    rounds.push({
      total: event.times.reduce((sum, { ms }) => sum + ms, 0),
      times: Object.fromEntries(event.times.map(({ phase, ms }) => [phase, ms])),
    })
  }
  await watching.end('SIGTERM')
  // the first rounds run code that is not compiled to machine code yet
  const warm = rounds.slice(5).sort((a, b) => a.total - b.total)
  const middle = warm[warm.length >> 1] as (typeof rounds)[number]
  return { median: middle.total, most: warm.at(-1)?.total ?? 0, phases: middle.times, deltaBytes: statSync(output).size }
}

async function measureApply(
  artifact: string,
  services: number,
): Promise<Pick<LimitsRow, 'applySeconds' | 'mapsSeconds' | 'kernelBytesPerEndpoint' | 'lookupNanoseconds'>> {
  const instance = `kmesh-limits-${process.pid}`
  const cgroup = makeCgroup('kmesh-limits')
  const detach = undoAtExit(() => detachIfThere(instance))
  const { seconds, stdout } = runMeasured([
    ...command('kmesh-runtime'),
    'apply',
    artifact,
    '--instance',
    instance,
    '--cgroup',
    cgroup.path,
    '--json',
  ])
  const { times, memory } = JSON.parse(stdout) as ApplyReport
  const namespace = await makeNamespace({ addresses: [] })
  const programs = timePrograms(instance, () =>
    run([python(), DIALER, `${NETWORK}`, `${services}`, `${DIALS}`], { namespace: namespace.path, cgroup: cgroup.path }),
  )
  const connect = programs.filter(({ name }) => name.includes('connect4'))
  const calls = connect.reduce((sum, { runs }) => sum + runs, 0)
  if (calls < DIALS) throw new Error(`${calls} of ${DIALS} dials were decided: ${JSON.stringify(programs)}`)
  namespace.remove()
  detach()
  cgroup.remove()
  return {
    applySeconds: seconds,
    mapsSeconds: (times.make + times.fill) / 1000,
    kernelBytesPerEndpoint: memory.perEndpoint,
    lookupNanoseconds: connect.reduce((sum, { runs, nanoseconds }) => sum + runs * nanoseconds, 0) / calls,
  }
}
