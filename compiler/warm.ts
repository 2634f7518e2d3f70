/**
 * Compiling again. In: a snapshot as it was when it was last compiled, and as it is. Out: the artifact that a compiler started anew makes of it, byte for byte; where only
 * endpoint assignments of EDS changed, by reading those alone, else by compiling all of it. Where phases meet, like compile.ts.
 * Invariant: what is not known to be safe is compiled whole, and the result says why. An assignment with findings, before or after, is not; so findings only change by a
 * whole compile, and their places are always those of the text that was read.
 */
import { lowerBalance } from './balance/lower.ts'
import { type Analysis, analyse, type Clock, type CompileOptions, type Discovered, type Prepared, prepare } from './compile.ts'
import type { BlockSource } from './delta/artifact-delta.ts'
import { planBlocks } from './delta/plan-blocks.ts'
import type { Diagnostic, Diagnostics } from './diag/diagnostic.ts'
import type { Locate } from './diag/place.ts'
import { createDiagnostics } from './diag/sink.ts'
import type { Toolchain } from './emit/clang.ts'
import { changedSpans, type Spans } from './input/changed-spans.ts'
import { type Coverage, exchanged, measureCoverage } from './input/coverage.ts'
import { type KnownResource, readAgain } from './input/read-again.ts'
import type { Resource } from './input/resource.ts'
import type { Source } from './input/text.ts'
import { targetOf } from './ir/clusters.ts'
import type { BalanceBlock } from './lower/balance-block.ts'
import { type BlockPlaces, blockPlaces, type NewBlock, replaceBlocks } from './lower/replace-block.ts'
import { createStateTable } from './lower/states.ts'
import type { ArchiveFile } from './pack/archive.ts'
import {
  coverageFile,
  createZippers,
  type LayerFiles,
  layerFiles,
  packConfig,
  type Packed,
  type PackInput,
  packFiles,
  servicesFile,
  tableFiles,
} from './pack/pack.ts'
import { readAssignment } from './parse/endpoint.ts'
import { fates } from './parse/fates.ts'
import type { Assignment, Cluster } from './parse/resources.ts'
import { replaceService, servicesOrder, serviceText } from './services-document.ts'

/** What changed since the result before. */
export interface Step {
  /** indices in km_cluster, ascending */
  readonly clusters: readonly number[]
  readonly services: readonly ServiceStep[]
}

/** A resource of the services document: where it is in the list, and its JSON. */
export interface ServiceStep {
  readonly index: number
  readonly before: string
  readonly after: string
}

export interface WarmResult {
  readonly packed: Packed
  /** undefined: where rows stand cannot be told */
  readonly blocks: BlockSource | undefined
  readonly way: { readonly kind: 'again'; readonly step: Step } | { readonly kind: 'whole'; readonly why: string }
  /** of the snapshot, whichever way */
  readonly findings: readonly Diagnostic[]
}

export interface WarmCompiler {
  /**
   * `sources`: with the same array where a file is as it was. The arrays of the last result must not be written. `diag` hears what a whole compile finds. Without a
   * result there are errors, and the next call compares with the last result.
   */
  compile(sources: readonly Source[], diag: Diagnostics, clock: Clock): Promise<{ readonly result?: WarmResult; readonly locate: Locate }>
  /** Makes what the next call needs, for when there is time. */
  settle(): void
}

/** Every assignment of a text, in its order. */
interface Text {
  readonly spans: Spans
  readonly resources: readonly KnownResource[]
}

/** A cluster that asks for an assignment. */
interface User {
  readonly cluster: Cluster
  /** in km_cluster */
  readonly index: number
  /** requests are rewritten to the host names of its endpoints, or not at all */
  readonly names: 'asked' | 'unasked'
}

/** What a result was made of, as far as assignments matter. */
interface Front {
  readonly sources: readonly Source[]
  readonly texts: readonly Text[]
  readonly discovered: Omit<Discovered, 'clusters'>
  /** by the name that they ask for */
  readonly users: ReadonlyMap<string, readonly User[]>
  readonly packing: PackInput
  readonly coverage: Coverage
  readonly files: LayerFiles
  readonly places: BlockPlaces
  /** path -> place in the services document */
  readonly services: ReadonlyMap<string, number>
  readonly findings: readonly Diagnostic[]
}

/** Everything has to be compiled. */
interface Whole {
  readonly why: string
}

export function createWarmCompiler(options: CompileOptions, toolchain: Toolchain): WarmCompiler {
  const zippers = createZippers()
  let front: (() => Front | Whole) | undefined
  const settled = (): Front | Whole => {
    const made = front?.() ?? { why: 'it is the first time' }
    if (front !== undefined) front = () => made
    return made
  }

  const whole = async (sources: readonly Source[], why: string, diag: Diagnostics, clock: Clock): ReturnType<WarmCompiler['compile']> => {
    const analysis = analyse(sources, options, diag, clock)
    const { locate } = analysis.input
    const prepared = await prepare(analysis, options, toolchain, diag, clock)
    if (prepared === undefined) return { locate }
    const { packing } = prepared
    const files = layerFiles(packing)
    const packed = await packFiles(files, packConfig(packing), zippers)
    const places = blockPlaces(packing.plan)
    front = () => frontOf(sources, prepared, files, places, diag.list)
    const blocks = places && planBlocks(packing.plan, places)
    return { result: { packed, blocks, way: { kind: 'whole', why }, findings: diag.list }, locate }
  }

  return {
    settle: () => void settled(),
    async compile(sources, diag, clock) {
      clock('compare')
      const before = settled()
      const next = 'why' in before ? before : await advance(before, sources, clock)
      if ('why' in next) return whole(sources, next.why, diag, clock)
      clock('pack')
      const { packing, files, places, findings } = next.front
      const packed = await packFiles(files, packConfig(packing), zippers)
      front = () => next.front
      return {
        result: { packed, blocks: planBlocks(packing.plan, places), way: { kind: 'again', step: next.step }, findings },
        locate: () => undefined,
      }
    },
  }
}

/** Runs over everything that was decoded, which can go afterwards. */
function frontOf(
  sources: readonly Source[],
  { analysis, packing }: Pick<Prepared, 'analysis' | 'packing'>,
  files: LayerFiles,
  places: BlockPlaces | undefined,
  findings: readonly Diagnostic[],
): Front | Whole {
  const { input, program, discovered, coverage } = analysis
  if (places === undefined || program.clusters.some(({ subset }) => subset !== undefined)) return { why: 'subsets share states' }
  if (findings.some(({ file }) => file !== undefined)) return { why: 'something was said of the text itself' }
  const indices = new Map(program.clusters.map(({ name }, index) => [name, index]))
  const named = new Set(program.services.flatMap(({ hostNames }) => [...hostNames.keys()]))
  const users = new Map<string, User[]>()
  for (const cluster of discovered.clusters) {
    const { discovery } = cluster
    const index = indices.get(cluster.name)
    if (discovery.kind !== 'eds' || index === undefined) continue
    users.set(discovery.service, [
      ...(users.get(discovery.service) ?? []),
      { cluster, index, names: named.has(cluster.name) ? 'asked' : 'unasked' },
    ])
  }
  const { resolve, plaintextTo } = discovered
  const services = new Map(servicesOrder(input.resources).map((path, index) => [path, index]))
  return {
    ...{ sources, discovered: { resolve, plaintextTo }, users, packing, coverage, files, places, services, findings },
    texts: textsOf(sources, analysis),
  }
}

function textsOf(sources: readonly Source[], { input }: Analysis): readonly Text[] {
  const found = sources.map((): { readonly start: number; readonly end: number; readonly resource: KnownResource }[] => [])
  for (const { kind, type, name, path, origin, loaded } of input.resources) {
    const span = kind === 'eds' ? input.span(path) : undefined
    if (span !== undefined)
      found[span.source]?.push({ start: span.start, end: span.end, resource: { kind, type, name, path, origin, loaded } })
  }
  return found.map((list) => {
    list.sort((a, b) => a.start - b.start)
    return {
      spans: { starts: Float64Array.from(list, ({ start }) => start), ends: Float64Array.from(list, ({ end }) => end) },
      resources: list.map(({ resource }) => resource),
    }
  })
}

interface Advance {
  readonly front: Front
  readonly step: Step
}

async function advance(front: Front, sources: readonly Source[], clock: Clock): Promise<Advance | Whole> {
  if (sources.length !== front.sources.length || sources.some(({ name }, index) => name !== front.sources[index]?.name))
    return { why: 'files came or went' }
  const texts: Text[] = []
  const pairs: { readonly known: KnownResource; readonly before: Uint8Array; readonly after: Uint8Array }[] = []
  for (const [index, { bytes }] of sources.entries()) {
    const [was, { spans, resources }] = [(front.sources[index] as Source).bytes, front.texts[index] as Text]
    const now = was === bytes ? { changed: [], spans } : changedSpans(was, bytes, spans)
    if (now === undefined) return { why: 'more than endpoint assignments changed' }
    texts.push({ spans: now.spans, resources })
    for (const at of now.changed)
      pairs.push({
        known: resources[at] as KnownResource,
        before: was.subarray(spans.starts[at], spans.ends[at]),
        after: bytes.subarray(now.spans.starts[at], now.spans.ends[at]),
      })
  }
  clock('parse')
  const changes: { readonly before: Contribution; readonly after: Contribution }[] = []
  for (const { known, before, after } of pairs) {
    const [was, now] = [contribution(before, known, front), contribution(after, known, front)]
    if ('why' in was) return was
    if ('why' in now) return now
    changes.push({ before: was, after: now })
  }
  clock('lower')
  const blocks = changes
    .flatMap(({ before, after }) =>
      before.parts.map(
        ({ index, block }, at): NewBlock => ({ ...(after.parts[at] as Contribution['parts'][number]), index, before: block }),
      ),
    )
    .sort((a, b) => a.index - b.index)
  const replaced = replaceBlocks(front.packing.plan, front.places, blocks)
  if (replaced === undefined) return { why: 'settings of a cluster changed with its endpoints' }
  clock('coverage')
  const coverage = exchanged(
    front.coverage,
    changes.map(({ before }) => before.coverage),
    changes.map(({ after }) => after.coverage),
  )
  clock('files')
  const documented = front.packing.services === undefined ? NO_SERVICES : servicesAfter(front.packing.services, front.services, changes)
  if (documented === undefined) return { why: 'a resource stands twice among the services' }
  const packing: PackInput = { ...front.packing, plan: replaced.plan, coverage, services: documented.services }
  const files: LayerFiles = {
    programs: front.files.programs,
    maps: withFiles(front.files.maps, tableFiles(replaced.plan)),
    sources: withFiles(front.files.sources, [
      coverageFile(coverage),
      ...(documented.services === undefined ? [] : [servicesFile(documented.services)]),
    ]),
  }
  return {
    front: { ...front, sources, texts, packing, coverage, files, places: replaced.places },
    step: { clusters: blocks.map(({ index }) => index), services: documented.steps },
  }
}

/** What one assignment amounts to. */
interface Contribution {
  readonly resource: Resource
  readonly coverage: Coverage
  /** for each cluster that asks for it, in the same order */
  readonly parts: readonly { readonly index: number; readonly block: BalanceBlock; readonly owners: Uint8Array }[]
}

function contribution(bytes: Uint8Array, known: KnownResource, { users, discovered }: Front): Contribution | Whole {
  const diag = createDiagnostics()
  const resource = readAgain(bytes, known, diag)
  if (resource === undefined) return { why: 'what a changed resource is cannot be told from it alone' }
  const assignment = readAssignment(resource.cursor)
  const parts: Contribution['parts'][number][] = []
  for (const user of users.get(known.name) ?? []) {
    if (user.names === 'asked') return { why: 'routes depend on host names of a changed assignment' }
    const part = partOf(user, assignment, discovered, diag)
    if (part === undefined) return { why: 'a cluster of a changed assignment is not balanced' }
    parts.push(part)
  }
  if (diag.list.length > 0) return { why: 'there is something to say about a changed assignment' }
  return { resource, coverage: measureCoverage([resource], fates), parts }
}

function partOf(
  { cluster, index }: User,
  assignment: Assignment,
  discovered: Front['discovered'],
  diag: Diagnostics,
): Contribution['parts'][number] | undefined {
  const service = cluster.discovery.kind === 'eds' ? cluster.discovery.service : ''
  const target = targetOf(cluster, { ...discovered, assignments: new Map([[service, assignment]]) }, diag)
  if (target.kind !== 'balance') return undefined
  const states = createStateTable()
  const block = lowerBalance(target.balance, states.within(cluster.name))
  return { index, block, owners: states.keys }
}

interface Documented {
  readonly services: Uint8Array | undefined
  readonly steps: readonly ServiceStep[]
}

const NO_SERVICES: Documented = { services: undefined, steps: [] }

function servicesAfter(
  document: Uint8Array,
  order: Front['services'],
  changes: readonly { readonly before: Contribution; readonly after: Contribution }[],
): Documented | undefined {
  const steps: ServiceStep[] = []
  let services = document
  for (const { before, after } of changes) {
    const index = order.get(before.resource.path)
    if (index === undefined) continue
    const texts = { before: serviceText(before.resource), after: serviceText(after.resource) }
    const replaced = replaceService(services, texts.before, texts.after)
    if (replaced === undefined) return undefined
    services = replaced
    steps.push({ index, ...texts })
  }
  return { services, steps: steps.sort((a, b) => a.index - b.index) }
}

function withFiles(files: readonly ArchiveFile[], others: readonly ArchiveFile[]): readonly ArchiveFile[] {
  const byName = new Map(others.map((file) => [file.name, file]))
  return files.map((file) => byName.get(file.name) ?? file)
}
