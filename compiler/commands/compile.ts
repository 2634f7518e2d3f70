/** `kmeshc compile`: a snapshot becomes artifact.tar, or one stage is printed. JSON: proto/compile.schema.json. */
import { rename, rm, writeFile } from 'node:fs/promises'
import { analyse, type Analysis, type Compilation, compile } from '../compile.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { openToolchain } from '../emit/clang.ts'
import { toC } from '../emit/to-c.ts'
import { printProgram } from '../ir/print.ts'
import { printPlan } from '../lower/print.ts'
import { reason } from '../sources.ts'
import { type PhaseTime, startPhases } from './phases.ts'
import { waypointBootstrap } from '../waypoint.ts'
import { finish } from './report.ts'
import { openSnapshot, type SnapshotArguments } from './snapshot.ts'

export interface CompileArguments extends SnapshotArguments {
  readonly output?: string | undefined
  readonly emit?: 'ir' | 'plan' | 'c' | undefined
  readonly time: boolean
  readonly waypointConfig?: string | undefined
  /** ADDRESS:PORT */
  readonly waypointListen: string
}

export async function compileCommand(args: CompileArguments, version: string): Promise<number> {
  const diag = createDiagnostics()
  const { sources, options } = openSnapshot(args, diag)
  const phases = startPhases()
  const toolchain = await openToolchain()
  const compilation =
    args.output === undefined || diag.failed ? undefined : await compile(sources, { ...options, version }, toolchain, diag, phases.clock)
  const analysis = compilation?.analysis ?? analyse(sources, options, diag, phases.clock)
  const strictlyClean = !args.strict || diag.list.length === 0
  if (compilation !== undefined && args.output !== undefined && strictlyClean) {
    phases.clock('write')
    await writeWhole(args.output, compilation.packed.bytes, diag)
  }
  if (args.waypointConfig !== undefined && !diag.failed && strictlyClean) {
    const bootstrap = waypointBootstrap(analysis.input.resources, placeOf(args.waypointListen))
    await writeWhole(args.waypointConfig, Buffer.from(`${JSON.stringify(bootstrap, undefined, 2)}\n`), diag)
  }
  const times = phases.end()
  const text =
    args.emit === undefined
      ? undefined
      : stageText(args.emit, analysis, () =>
          toC(analysis.plan.units, toolchain.templates, toolchain.base)
            .map((unit) => unit.text)
            .join('\n'),
        )
  const written = compilation !== undefined && !diag.failed && strictlyClean
  if (!args.json) {
    if (text !== undefined) process.stdout.write(`${text}\n`)
    if (args.time) process.stderr.write(timeTable(times))
    if (written && args.emit === undefined) process.stdout.write(summary(args.output as string, compilation))
  }
  return finish({
    diag,
    locate: analysis.input.locate,
    json: args.json,
    strict: args.strict,
    result: {
      ...(written && {
        artifact: {
          file: args.output,
          digest: compilation.packed.digest,
          bytes: compilation.packed.bytes.length,
          config: compilation.packed.config,
        },
        objects: compilation.objects,
      }),
      ...(text !== undefined && { emit: { stage: args.emit, text } }),
      ...(args.time && { times }),
      coverage: analysis.coverage,
    },
  })
}

function stageText(stage: 'ir' | 'plan' | 'c', analysis: Analysis, c: () => string): string {
  switch (stage) {
    case 'ir':
      return printProgram(analysis.program)
    case 'plan':
      return printPlan(analysis.plan)
    case 'c':
      return c()
  }
}

function placeOf(text: string): { readonly address: string; readonly port: number } {
  const colon = text.lastIndexOf(':')
  return { address: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) }
}

/** Beside the target and then renamed, so that a reader sees the old file or the new one. */
async function writeWhole(file: string, bytes: Uint8Array, diag: Diagnostics): Promise<void> {
  const partial = `${file}.${process.pid}.partial`
  try {
    await writeFile(partial, bytes)
    await rename(partial, file)
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined)
    diag.report({
      code: 'KM1802',
      severity: 'error',
      path: '',
      message: `"${file}" cannot be written: ${reason(error)}`,
      fix: 'check the directory, its permissions and the free space',
    })
  }
}

function summary(file: string, { analysis, packed, objects }: Compilation): string {
  const { entries } = analysis.plan.budgets
  const { classes } = analysis.coverage
  const counts = Object.entries(classes)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
  return [
    `${file}  ${packed.digest.slice(0, 19)}  ${packed.bytes.length} bytes`,
    `  ${analysis.program.listeners.length} listeners (${entries.listener} addresses), ${analysis.program.clusters.length} clusters, ${entries.endpoint} rows`,
    `  fields: ${counts}`,
    `  objects: ${objects.cached} from the cache, ${objects.compiled} compiled\n`,
  ].join('\n')
}

function timeTable(times: readonly PhaseTime[]): string {
  const total = times.reduce((sum, { ms }) => sum + ms, 0)
  return `${[...times, { phase: 'total', ms: total }].map(({ phase, ms }) => `${phase.padEnd(10)} ${ms.toFixed(1).padStart(9)} ms`).join('\n')}\n`
}
