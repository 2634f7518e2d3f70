/**
 * `kmeshc watch`: compiles a snapshot whenever its files change, and with --apply has it applied. In: options of the command line. Out: what was compiled, how and how long
 * each phase took: a few lines of text, or with --json one line of JSON for each event (proto/recompile.schema.json). Errors are told and it goes on; SIGINT, SIGTERM and
 * SIGHUP end it with 0.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KernelProof } from '../../proto/artifact/proof.ts'
import { createRunningDelta, type RunningDelta, type RunningResult } from '../delta/running-delta.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Locate } from '../diag/place.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { openToolchain, type Toolchain } from '../emit/clang.ts'
import { readSources } from '../sources.ts'
import { createWarmCompiler, type WarmCompiler, type WarmResult } from '../warm.ts'
import { watchChanges } from '../watch/changes.ts'
import { createFileReader } from '../watch/file-reader.ts'
import { applyFile, type Applied } from '../watch/runtime-apply.ts'
import { openBase } from './compile-delta.ts'
import { openProof } from './open-proof.ts'
import { startPhases } from './phases.ts'
import { findings } from './report.ts'
import { analyseOptions, type SnapshotArguments } from './snapshot.ts'
import { freeMemory } from './spare-memory.ts'
import { tellEvent, type WatchEvent, type Written } from './watch-text.ts'
import { writeWhole } from './write-whole.ts'

export interface WatchArguments extends SnapshotArguments {
  readonly output?: string | undefined
  readonly base?: string | undefined
  readonly target?: string | undefined
  readonly proof: readonly string[]
  /** undefined: nothing is applied; else options of `kmesh-runtime apply` */
  readonly apply: readonly string[] | undefined
}

/** milliseconds that an error waits for the rest of a file that is written in pieces */
const PATIENCE = 400

export async function watchCommand(args: WatchArguments, version: string): Promise<number> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  const changes = watchChanges([...args.snapshot, ...(args.resolve === undefined ? [] : [args.resolve])])
  const folder = args.apply === undefined ? undefined : mkdtempSync(join(tmpdir(), 'kmeshc-watch-'))
  const rounds = startRounds(args, version, await openToolchain(), folder)
  try {
    for (;;) {
      changes.seen()
      const event = await rounds.round()
      // half a file is no mistake of anybody: only what stays wrong is told
      const more = event.event === 'failed' ? await changes.next(stop.signal, PATIENCE) : 'quiet'
      if (more === 'quiet') {
        if (event.event !== 'unchanged') tellEvent(event, args)
        rounds.rest()
      }
      if (more === 'stopped' || (more === 'quiet' && (await changes.next(stop.signal)) === 'stopped')) return 0
    }
  } finally {
    changes.close()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}

/** Options that are read from files, and what compiles with them. */
interface Session {
  readonly resolved: string
  readonly proofs: readonly KernelProof[]
  readonly compiler: WarmCompiler
}

interface Rounds {
  round(): Promise<WatchEvent>
  /** between two rounds, when nobody waits */
  rest(): void
}

function startRounds(args: WatchArguments, version: string, toolchain: Toolchain, folder: string | undefined): Rounds {
  const reader = createFileReader()
  let session: Session | undefined
  let fromBase: RunningDelta | undefined
  let fromApplied: RunningDelta | undefined
  let last: string | undefined

  const round = async (): Promise<WatchEvent> => {
    const diag = createDiagnostics()
    const phases = startPhases()
    phases.clock('read')
    const failed = (locate: Locate): WatchEvent => ({
      event: 'failed',
      times: phases.end(),
      diagnostics: findings({ diag, locate, ...args }),
    })
    const options = analyseOptions(args, diag)
    const resolved = JSON.stringify([...options.resolve])
    if (fromBase === undefined && args.base !== undefined) {
      const base = openBase(args.base, diag)
      if (base !== undefined) fromBase = createRunningDelta(base.artifact, base.digests)
    }
    const sources = readSources(args.snapshot, diag, reader.read)
    const proofs = session === undefined ? args.proof.flatMap((file) => openProof(file, diag)) : session.proofs
    if (diag.failed) return failed(nowhere)
    if (session?.resolved !== resolved)
      session = { resolved, proofs, compiler: createWarmCompiler({ ...options, version, target: args.target, proofs }, toolchain) }
    const { result, locate } = await session.compiler.compile(sources, diag, phases.clock)
    if (result === undefined) return failed(locate)
    reader.keep()
    const step = result.way.kind === 'again' ? result.way.step : undefined
    phases.clock('delta')
    const delta = await fromBase?.next(result, step)
    const onwards = await fromApplied?.next(result, step)
    if (delta?.kind === 'whole') reportWhole(delta.why, diag)
    if (args.strict && result.findings.length > 0) return failed(locate)
    phases.clock('write')
    const written = args.output === undefined ? undefined : await writeResult(args.output, result, delta, diag)
    const times = phases.end()
    if (diag.failed) return failed(locate)
    const unchanged = result.packed.digest === last
    last = result.packed.digest
    let applied: AppliedResult | undefined
    if (args.apply !== undefined && folder !== undefined && (!unchanged || fromApplied === undefined)) {
      applied = await applyResult(folder, args.apply, result, onwards)
      // what is in force now is what the next delta leads on from
      fromApplied = applied.kind === 'applied' ? createRunningDelta(result, [result.packed.digest]) : undefined
    }
    const diagnostics = [...findings({ diag, locate, ...args }), ...(applied?.findings ?? [])]
    if (unchanged && applied === undefined) return { event: 'unchanged', times, diagnostics }
    const { packed, way } = result
    return {
      event: 'compiled',
      digest: packed.digest,
      way: way.kind === 'again' ? { kind: 'again', clusters: way.step.clusters.length } : way,
      times,
      ...(written !== undefined && { written }),
      ...(applied !== undefined && { applied: withoutFindings(applied) }),
      diagnostics,
    }
  }
  return {
    round,
    rest() {
      session?.compiler.settle()
      freeMemory()
    },
  }
}

const nowhere: Locate = () => undefined

function reportWhole(why: string, diag: Diagnostics): void {
  const message = `a delta will not do, the whole artifact is written: ${why}`
  diag.report({ code: 'KM1931', severity: 'warning', path: '', message, fix: 'apply it as it is; what did not change is not loaded again' })
}

async function writeResult(
  file: string,
  { packed }: WarmResult,
  delta: RunningResult | undefined,
  diag: Diagnostics,
): Promise<Written | undefined> {
  const [form, { bytes, digest }] = delta?.kind === 'delta' ? (['delta', delta.delta] as const) : (['artifact', packed] as const)
  return (await writeWhole(file, bytes, diag)) ? { form, file, digest, bytes: bytes.length } : undefined
}

/** With the form that was applied; `instead`: what was said of a delta before the whole artifact was given. */
type AppliedResult = Applied & { readonly form: 'artifact' | 'delta'; readonly instead?: string }

function withoutFindings({ findings: _, ...rest }: AppliedResult): NonNullable<Extract<WatchEvent, { event: 'compiled' }>['applied']> {
  return rest
}

/** The delta where there is one; where that is refused, the whole artifact. */
async function applyResult(
  folder: string,
  options: readonly string[],
  { packed }: WarmResult,
  delta: RunningResult | undefined,
): Promise<AppliedResult> {
  const give = async (form: 'artifact' | 'delta', bytes: Uint8Array): Promise<AppliedResult> => {
    const file = join(folder, `${form}.tar`)
    await writeFile(file, bytes)
    return { ...(await applyFile(file, form === 'delta' ? withoutCgroup(options) : options)), form }
  }
  if (delta?.kind !== 'delta') return give('artifact', packed.bytes)
  const first = await give('delta', delta.delta.bytes)
  if (first.kind === 'applied') return first
  const [said] = first.findings.filter(({ severity }) => severity === 'error')
  return { ...(await give('artifact', packed.bytes)), instead: `${said?.code ?? ''}: ${said?.message ?? ''}` }
}

/** A delta stays with the cgroup that is governed, and wants no other. */
function withoutCgroup(options: readonly string[]): readonly string[] {
  return options.filter((option, index) => option !== '--cgroup' && !option.startsWith('--cgroup=') && options[index - 1] !== '--cgroup')
}
