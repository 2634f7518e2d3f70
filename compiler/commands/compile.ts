/** `kmeshc compile`: a snapshot becomes artifact.tar, or one stage is printed. JSON: proto/compile.schema.json. */
import { analyse, type Analysis, type Compilation, compile } from '../compile.ts'
import type { PackedDelta } from '../delta/pack-delta.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { openToolchain } from '../emit/clang.ts'
import { toC } from '../emit/to-c.ts'
import { printProgram } from '../ir/print.ts'
import { printPlan } from '../lower/print.ts'
import { deltaFrom, openBase } from './compile-delta.ts'
import { type PhaseTime, startPhases } from './phases.ts'
import { waypointBootstrap } from '../waypoint.ts'
import { openProof } from './open-proof.ts'
import { finish } from './report.ts'
import { openSnapshot, type SnapshotArguments } from './snapshot.ts'
import { writeWhole } from './write-whole.ts'

export interface CompileArguments extends SnapshotArguments {
  readonly output?: string | undefined
  /** file of an artifact: `output` gets what leads on from it */
  readonly base?: string | undefined
  readonly emit?: 'ir' | 'plan' | 'c' | undefined
  /** line of a kernel */
  readonly target?: string | undefined
  /** files */
  readonly proof: readonly string[]
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
  const base = args.base === undefined ? undefined : openBase(args.base, diag)
  const proofs = args.proof.flatMap((file) => openProof(file, diag))
  const compilation =
    args.output === undefined || diag.failed
      ? undefined
      : await compile(sources, { ...options, version, target: args.target, proofs }, toolchain, diag, phases.clock)
  const analysis = compilation?.analysis ?? analyse(sources, options, diag, phases.clock)
  phases.clock('delta')
  const delta = base === undefined || compilation === undefined ? undefined : await deltaFrom(base, compilation.packed, diag)
  const strictlyClean = !args.strict || diag.list.length === 0
  const packed = delta ?? compilation?.packed
  if (packed !== undefined && args.output !== undefined && strictlyClean) {
    phases.clock('write')
    await writeWhole(args.output, packed.bytes, diag)
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
    if (written && args.emit === undefined) process.stdout.write(summary(args.output as string, compilation, delta))
  }
  return finish({
    diag,
    locate: analysis.input.locate,
    json: args.json,
    strict: args.strict,
    result: {
      ...(written && {
        [delta === undefined ? 'artifact' : 'delta']: {
          file: args.output,
          digest: packed?.digest,
          bytes: packed?.bytes.length,
          config: packed?.config,
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

function summary(file: string, { analysis, packed, objects }: Compilation, delta: PackedDelta | undefined): string {
  const { entries } = analysis.plan.budgets
  const { proof = [] } = packed.config
  const { classes } = analysis.coverage
  const counts = Object.entries(classes)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
  return [
    ...(delta === undefined ? [`${file}  ${packed.digest.slice(0, 19)}  ${packed.bytes.length} bytes`] : deltaLines(file, delta)),
    `  ${analysis.program.listeners.length} listeners (${entries.listener} addresses), ${analysis.program.clusters.length} clusters, ${entries.endpoint} rows`,
    `  fields: ${counts}`,
    `  objects: ${objects.cached} from the cache, ${objects.compiled} compiled`,
    ...(proof.length === 0 ? [] : [`  proven on kernel ${proof.map(({ kernel }) => kernel).join(', ')}`]),
    '',
  ].join('\n')
}

function deltaLines(file: string, { bytes, config }: PackedDelta): readonly string[] {
  const { base, result, entries } = config
  const from = base[0]?.slice(0, 19)
  return [
    `${file}  a delta of ${bytes.length} bytes: ${from} -> ${result.slice(0, 19)}`,
    `  ${entries.clusters} clusters change, ${entries.rows} rows are written`,
  ]
}

function timeTable(times: readonly PhaseTime[]): string {
  const total = times.reduce((sum, { ms }) => sum + ms, 0)
  return `${[...times, { phase: 'total', ms: total }].map(({ phase, ms }) => `${phase.padEnd(10)} ${ms.toFixed(1).padStart(9)} ms`).join('\n')}\n`
}
