/**
 * The whole compiler, one arrow a line: read this first. In: the bytes of a snapshot. Out: the bytes of an artifact, or diagnostics.
 * Phases meet here and nowhere else; none of them throws on what a user wrote.
 */
import type { ArtifactConfig } from '../proto/artifact/format.ts'
import { xxHash64Text } from './balance/hash.ts'
import { lowerBalance } from './balance/lower.ts'
import { readBalancePolicy } from './balance/read.ts'
import type { Diagnostics } from './diag/diagnostic.ts'
import { buildUnits } from './emit/build.ts'
import type { Toolchain } from './emit/clang.ts'
import { toC, type Unit } from './emit/to-c.ts'
import type { HttpRoutes } from './http/find-routes.ts'
import { readRuntime } from './http/runtime.ts'
import { type Coverage, measureCoverage } from './input/coverage.ts'
import { type Input, readInput } from './input/read.ts'
import type { Source } from './input/text.ts'
import { walkMessages } from './input/walk.ts'
import type { Program } from './ir/program.ts'
import { toProgram } from './ir/to-program.ts'
import { type LaneSummary, summariseLanes } from './lane-summary.ts'
import { lowerServices } from './lower/http/lower-services.ts'
import type { Plan } from './lower/plan.ts'
import { toPlan } from './lower/to-plan.ts'
import { parseUriTemplate } from './match/uri-template-parse.ts'
import { type Packed, pack } from './pack/pack.ts'
import { fates } from './parse/fates.ts'
import { type ParseOptions, parse } from './parse/parse.ts'
import { inspectRegex } from './re2/inspect-regex.ts'
import { findServices, type Services } from './services.ts'
import { servicesDocument } from './services-document.ts'
import { validate } from './validate/validate.ts'

/** What the front end alone finds out: enough for `check`, `--emit ir` and `--emit plan`; needs no clang. */
export interface Analysis {
  readonly input: Input
  readonly program: Program
  readonly plan: Plan
  readonly coverage: Coverage
  readonly lanes: LaneSummary
}

export interface Compilation {
  readonly analysis: Analysis
  readonly units: readonly Unit[]
  readonly packed: Packed
  /** objects that came from the cache, and those that clang made */
  readonly objects: { readonly cached: number; readonly compiled: number }
}

/** What the user says beside the snapshot. */
export type AnalyseOptions = Omit<ParseOptions, 'readBalance'>

export interface CompileOptions extends AnalyseOptions {
  /** of kmeshc, recorded in the artifact */
  readonly version: string
}

/** Called when a phase begins; the last phase ends with the call that returns. */
export type Clock = (phase: string) => void

/** Kernels from 6.1 on: bpf_set_retval, batched updates, socket storage in every hook. */
const TARGET: ArtifactConfig['target'] = { kernel: '6.1', features: ['bpf_set_retval', 'inner_map_sizes', 'sk_storage'] }

export function analyse(sources: readonly Source[], options: AnalyseOptions, diag: Diagnostics, clock: Clock): Analysis {
  clock('input')
  const input = readInput(sources, diag)
  const meant = mean(input, options, diag, clock)
  judge(input, diag, clock)
  return { input, ...meant }
}

/** What `check` and `coverage` tell. Of a large snapshot program and plan are half of the memory, and are gone before the rest is done. */
export function examine(
  sources: readonly Source[],
  options: AnalyseOptions,
  diag: Diagnostics,
  clock: Clock,
): Pick<Analysis, 'input' | 'coverage' | 'lanes'> {
  clock('input')
  const input = readInput(sources, diag)
  const { coverage, lanes } = mean(input, options, diag, clock)
  judge(input, diag, clock)
  return { input, coverage, lanes }
}

function mean(input: Input, options: AnalyseOptions, diag: Diagnostics, clock: Clock): Omit<Analysis, 'input'> {
  const understanding = understand(input, options, diag, clock)
  const { services, program } = understanding
  clock('lower')
  const plan = toPlan(program, { balance: lowerBalance, hash: xxHash64Text, http: lowerServices }, diag)
  clock('coverage')
  services.account(plan.lanes)
  const lanes = summariseLanes(understanding, plan.lanes)
  return { program, plan, lanes, coverage: measureCoverage(input.resources, fates) }
}

/** After the coverage: what is read to validate it is not what becomes of it. */
function judge(input: Input, diag: Diagnostics, clock: Clock): void {
  clock('validate')
  validate(input.resources, { walk: walkMessages, inspectRegex, readTemplate: parseUriTemplate }, diag)
}

/** What a snapshot means, before anything is lowered. */
export interface Understanding {
  readonly services: Services
  readonly program: Program
}

/** A function of its own: what parsing made is large, and nobody needs it once there is a program. `routes`: where somebody has them already. */
export function understand(input: Input, options: AnalyseOptions, diag: Diagnostics, clock: Clock, routes?: HttpRoutes): Understanding {
  clock('parse')
  const runtime = readRuntime(input.resources)
  const readBalance: ParseOptions['readBalance'] = (cluster, sink) => readBalancePolicy(cluster, sink, runtime.number)
  const resources = parse(input.resources, { ...options, readBalance }, diag)
  clock('ir')
  const services = findServices(input.resources, routes)
  return { services, program: toProgram(resources, services.byManager, diag) }
}

/** Gives undefined when there are errors; they are in `diag`. */
export async function compile(
  sources: readonly Source[],
  options: CompileOptions,
  toolchain: Toolchain,
  diag: Diagnostics,
  clock: Clock,
): Promise<Compilation | undefined> {
  const analysis = analyse(sources, options, diag, clock)
  if (diag.failed) return undefined
  clock('emit')
  const units = toC(analysis.plan.units, toolchain.templates, toolchain.base)
  clock('clang')
  const built = await buildUnits(units, toolchain, diag)
  if (built === undefined) return undefined
  clock('pack')
  const { plan, coverage } = analysis
  const protocols = [...new Set(analysis.program.listeners.map((listener) => listener.protocol))].sort()
  const packed = await pack({
    plan,
    coverage,
    services: servicesDocument(analysis.input.resources, options),
    protocols,
    target: TARGET,
    units: built.units,
    compiler: { version: options.version },
    budgets: { tailCalls: plan.budgets.tailCalls, objectInstructions: built.instructions, stackBytes: built.stack },
  })
  return { analysis, units, packed, objects: built.objects }
}
