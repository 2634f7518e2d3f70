/**
 * The whole compiler, one arrow a line: read this first. In: the bytes of a snapshot. Out: the bytes of an artifact, or diagnostics.
 * Phases meet here and nowhere else; none of them throws on what a user wrote.
 */
import type { KernelProof } from '../proto/artifact/proof.ts'
import { xxHash64Text } from './balance/hash.ts'
import { lowerBalance } from './balance/lower.ts'
import { readBalancePolicy } from './balance/read.ts'
import type { Diagnostics } from './diag/diagnostic.ts'
import { buildUnits } from './emit/build.ts'
import type { Toolchain } from './emit/clang.ts'
import { OLDEST_LINE } from './emit/kernel-needs.ts'
import { checkTarget, targetOf } from './emit/target.ts'
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
import { type Lowering, toPlan } from './lower/to-plan.ts'
import { parseUriTemplate } from './match/uri-template-parse.ts'
import { embedProof } from './pack/embed-proof.ts'
import { type Packed, type PackInput, pack } from './pack/pack.ts'
import { fates } from './parse/fates.ts'
import { type ParseOptions, parse } from './parse/parse.ts'
import type { Resources } from './parse/resources.ts'
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
  readonly discovered: Discovered
}

/** What stands between endpoint assignments and the rows of clusters (warm.ts): clusters of EDS alone. */
export type Discovered = Pick<Resources, 'clusters' | 'resolve' | 'plaintextTo'>

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
  /** line of the oldest kernel that it is for; default: "6.1" */
  readonly target?: string | undefined
  /** of kernels that may have verified the programs that come out */
  readonly proofs?: readonly KernelProof[]
}

/** Called when a phase begins; the last phase ends with the call that returns. */
export type Clock = (phase: string) => void

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
  const lanes = meantLanes(input, options, diag, clock)
  clock('coverage')
  const coverage = measureCoverage(input.resources, fates)
  judge(input, diag, clock)
  return { input, coverage, lanes }
}

/** A function of its own, so that program and plan are gone when it returns. */
function meantLanes(input: Input, options: AnalyseOptions, diag: Diagnostics, clock: Clock): LaneSummary {
  const { services, program } = meaningOf(input, options, diag, clock)
  clock('lower')
  const { lanes } = toPlan(program, LOWERING, diag)
  services.account(lanes)
  return summariseLanes({ services, program }, lanes)
}

/** Endpoints that `check` has in memory between parsing and lowering. */
const MOST_ENDPOINTS = 50_000

/** Without what compiling again needs: parsed clusters. Nothing looks at a balance but the lowering, once. */
function meaningOf(input: Input, options: AnalyseOptions, diag: Diagnostics, clock: Clock): Understanding {
  const { services, program } = understand(input, options, diag, clock, { endpoints: MOST_ENDPOINTS })
  return { services, program }
}

const LOWERING: Lowering = { balance: lowerBalance, hash: xxHash64Text, http: lowerServices }

function mean(input: Input, options: AnalyseOptions, diag: Diagnostics, clock: Clock): Omit<Analysis, 'input'> {
  const understanding = understand(input, options, diag, clock)
  const { services, program } = understanding
  clock('lower')
  const plan = toPlan(program, LOWERING, diag)
  clock('coverage')
  services.account(plan.lanes)
  const lanes = summariseLanes(understanding, plan.lanes)
  return { program, plan, lanes, coverage: measureCoverage(input.resources, fates), discovered: understanding.discovered }
}

/** After the coverage: what is read to validate it is not what becomes of it. */
export function judge(input: Input, diag: Diagnostics, clock: Clock): void {
  clock('validate')
  validate(input.resources, { walk: walkMessages, inspectRegex, readTemplate: parseUriTemplate }, diag)
}

/** What a snapshot means, before anything is lowered. */
export interface Understanding {
  readonly services: Services
  readonly program: Program
}

/** A function of its own: what parsing made is large, and nobody needs it once there is a program. `routes`: where somebody has them already; `endpoints`: see toProgram. */
export function understand(
  input: Input,
  options: AnalyseOptions,
  diag: Diagnostics,
  clock: Clock,
  { routes, endpoints }: { readonly routes?: HttpRoutes; readonly endpoints?: number } = {},
): Understanding & Pick<Analysis, 'discovered'> {
  clock('parse')
  const runtime = readRuntime(input.resources)
  const readBalance: ParseOptions['readBalance'] = (cluster, sink) => readBalancePolicy(cluster, sink, runtime.number)
  const resources = parse(input.resources, { ...options, readBalance }, diag)
  clock('ir')
  const services = findServices(input.resources, routes)
  const { clusters, resolve, plaintextTo } = resources
  const program = toProgram(resources, services.byManager, diag, endpoints)
  resources.assignments.accountRest()
  return {
    services,
    program,
    discovered: { clusters: clusters.filter(({ discovery }) => discovery.kind === 'eds'), resolve, plaintextTo },
  }
}

/** Everything but the bytes of the artifact. */
export interface Prepared extends Omit<Compilation, 'packed'> {
  readonly packing: PackInput
}

/** Gives undefined when there are errors; they are in `diag`. */
export async function compile(
  sources: readonly Source[],
  options: CompileOptions,
  toolchain: Toolchain,
  diag: Diagnostics,
  clock: Clock,
): Promise<Compilation | undefined> {
  const prepared = await prepare(analyse(sources, options, diag, clock), options, toolchain, diag, clock)
  if (prepared === undefined) return undefined
  const { packing, ...rest } = prepared
  return { ...rest, packed: await pack(packing) }
}

/** From the front end on up to where the artifact's bytes are made; the last phase is `pack`. Gives undefined when there are errors. */
export async function prepare(
  analysis: Analysis,
  options: CompileOptions,
  toolchain: Toolchain,
  diag: Diagnostics,
  clock: Clock,
): Promise<Prepared | undefined> {
  const { target: line = OLDEST_LINE, proofs = [] } = options
  checkTarget(line, diag)
  if (diag.failed) return undefined
  clock('emit')
  const units = toC(analysis.plan.units, toolchain.templates, toolchain.base)
  clock('clang')
  const built = await buildUnits(units, toolchain, diag)
  if (built === undefined) return undefined
  clock('pack')
  const { plan, coverage } = analysis
  const target = targetOf(line, built.units, plan.sourceMap, diag)
  if (diag.failed) return undefined
  const protocols = [...new Set(analysis.program.listeners.map((listener) => listener.protocol))].sort()
  const packing: PackInput = {
    plan,
    coverage,
    services: servicesDocument(analysis.input.resources, options),
    protocols,
    target,
    proof: embedProof(proofs, built.units, line, diag),
    units: built.units,
    compiler: { version: options.version },
    budgets: { tailCalls: plan.budgets.tailCalls, objectInstructions: built.instructions, stackBytes: built.stack },
  }
  return { analysis, units, packing, objects: built.objects }
}
