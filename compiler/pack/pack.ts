/**
 * Writes the artifact. In: a Plan, the objects made for its units, coverage. Out: the bytes of artifact.tar (proto/artifact/format.ts says what
 * is in it), the same for the same input on every run: nothing in them depends on time, directory, user or the order of keys in objects.
 *
 * Layers are gzip in pieces (pieces.ts) of the fast level: the maps layer is mostly owner keys (sha256, incompressible) and rows; a higher level makes it a few
 * percent smaller and several times slower.
 */
import { ABI_VERSION } from '../../proto/abi.ts'
import { abiDigest } from '../../proto/artifact/abi-digest.ts'
import type { ArtifactConfig, ProgramUnit } from '../../proto/artifact/format.ts'
import { ARTIFACT_FORM, manifestOf } from '../../proto/artifact/oci.ts'
import { SERVICES_FILE } from '../../proto/http/services.ts'
import {
  firstDifferences,
  NAMES_PATH,
  relocationDifferences,
  STATE_KEY_BYTES,
  stateDifferences,
  TABLE_FILES,
} from '../../proto/artifact/table-files.ts'
import type { Plan } from '../lower/plan.ts'
import { planTables } from '../lower/plan-tables.ts'
import { type ArchiveFile, archive } from './archive.ts'
import { described, writeLayout } from './layout.ts'
import { createZipper, type Zipper } from './pieces.ts'

export interface PackedUnit extends ProgramUnit {
  readonly object: Uint8Array
  /** its C text, for people */
  readonly source: string
}

export interface PackInput {
  readonly plan: Plan
  /** the base object (no slots) and one for each unit of the plan */
  readonly units: readonly PackedUnit[]
  /** what became of every set field; plain JSON, keyed by xDS path, without positions */
  readonly coverage: unknown
  /** the services document for the slow path; undefined: there is no HTTP */
  readonly services?: Uint8Array | undefined
  readonly compiler: ArtifactConfig['compiler']
  readonly target: ArtifactConfig['target']
  readonly protocols: ArtifactConfig['protocols']
  readonly budgets: ArtifactConfig['budgets']
  /** of kernels that verified all units */
  readonly proof?: ArtifactConfig['proof']
}

export interface Packed {
  readonly bytes: Uint8Array
  /** "sha256:..." of the manifest: the artifact's digest */
  readonly digest: string
  readonly config: ArtifactConfig
}

/** The files of each layer, ordered by name. */
export interface LayerFiles {
  readonly programs: readonly ArchiveFile[]
  readonly maps: readonly ArchiveFile[]
  readonly sources: readonly ArchiveFile[]
}

/** What zips each layer; kept from one artifact to the next, it zips only what differs. */
export type Zippers = Readonly<Record<keyof LayerFiles, Zipper>>

export function createZippers(): Zippers {
  return { programs: createZipper(), maps: createZipper(), sources: createZipper() }
}

export async function pack(input: PackInput): Promise<Packed> {
  return packFiles(layerFiles(input), packConfig(input), createZippers())
}

export async function packFiles(files: LayerFiles, config: ArtifactConfig, zippers: Zippers): Promise<Packed> {
  const configBlob = Buffer.from(JSON.stringify(config))
  const [programs, maps, sources] = await Promise.all(
    (['programs', 'maps', 'sources'] as const).map(async (layer) => zippers[layer].zip(await archive(files[layer]))),
  )
  const layers = [programs, maps, sources] as Buffer[]
  const { bytes, digest } = await writeLayout(manifestOf(ARTIFACT_FORM, described(configBlob), layers.map(described)), [
    configBlob,
    ...layers,
  ])
  return { bytes, digest, config }
}

export function layerFiles(input: PackInput): LayerFiles {
  const units = byUnit(input.units)
  return {
    programs: byName(units.map(({ unit, object }) => ({ name: `programs/${unit}.o`, content: object }))),
    maps: byName(mapFiles(input.plan)),
    sources: byName([
      coverageFile(input.coverage),
      json('sources/source-map.json', inOrder(input.plan.sourceMap)),
      ...(input.services === undefined ? [] : [servicesFile(input.services)]),
      ...units.map(({ unit, source }) => ({ name: `sources/${unit}.c`, content: Buffer.from(source) })),
    ]),
  }
}

export function coverageFile(coverage: unknown): ArchiveFile {
  return json('sources/coverage.json', inOrder(coverage))
}

export function servicesFile(services: Uint8Array): ArchiveFile {
  return { name: `sources/${SERVICES_FILE}`, content: services }
}

function byUnit(units: PackInput['units']): PackInput['units'] {
  return [...units].sort((a, b) => (a.unit < b.unit ? -1 : 1))
}

function byName(files: readonly ArchiveFile[]): readonly ArchiveFile[] {
  return [...files].sort((a, b) => (a.name < b.name ? -1 : 1))
}

export function packConfig(input: PackInput): ArtifactConfig {
  const units = byUnit(input.units)
  const { tables } = input.plan
  const slot = (one: ProgramUnit['slots'][number]): ProgramUnit['slots'][number] => ({
    program: one.program,
    hook: one.hook,
    slot: one.slot,
    instructions: one.instructions,
  })
  return {
    schemaVersion: 1,
    abi: { version: ABI_VERSION, digest: abiDigest() },
    compiler: { version: input.compiler.version },
    target: { kernel: input.target.kernel, features: [...input.target.features].sort() },
    programs: units.map(({ unit, slots }) => ({ unit, slots: slots.map(slot) })),
    protocols: [...input.protocols].sort(),
    entries: { ...rowCounts(input.plan), state: tables.states.length / STATE_KEY_BYTES },
    budgets: {
      tailCalls: input.budgets.tailCalls,
      objectInstructions: input.budgets.objectInstructions,
      stackBytes: input.budgets.stackBytes,
    },
    ...(input.proof !== undefined && input.proof.length > 0 && { proof: input.proof }),
  }
}

/** As they are stored (proto/artifact/table-files.ts). */
function tableBytes(plan: Plan): Readonly<Record<(typeof TABLE_FILES)[number]['table'], Uint8Array>> {
  const { endpointRelocations, httpRelocations } = plan.tables
  const tables = planTables(plan)
  return {
    ...tables,
    endpoint: stateDifferences(tables.endpoint, endpointRelocations),
    cluster: firstDifferences(tables.cluster),
    endpointRelocations: relocationDifferences(endpointRelocations),
    httpRelocations: relocationDifferences(httpRelocations),
  }
}

function rowCounts(plan: Plan): ArtifactConfig['entries'] {
  const tables = planTables(plan)
  const counts: Record<keyof ArtifactConfig['entries'], number> = {
    listener: 0,
    match: 0,
    chain: 0,
    cluster: 0,
    endpoint: 0,
    state: 0,
    http: 0,
    name: 0,
  }
  for (const { table, rowSize, entries } of TABLE_FILES)
    if (entries !== undefined) counts[entries] = tables[table as keyof typeof tables].length / rowSize
  return counts
}

/** All tables of a plan, without the names. */
export function tableFiles(plan: Plan): readonly ArchiveFile[] {
  const bytes = tableBytes(plan)
  return TABLE_FILES.map(({ table, path }) => ({ name: path, content: bytes[table] }))
}

function mapFiles(plan: Plan): readonly ArchiveFile[] {
  return [...tableFiles(plan), json(NAMES_PATH, plan.names)]
}

function json(name: string, value: unknown): ArchiveFile {
  return { name, content: Buffer.from(JSON.stringify(value)) }
}

/** The same value with the keys of every object sorted. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, inOrder(item)]))
}
