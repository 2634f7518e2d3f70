/**
 * Writes the artifact. In: a Plan, the objects made for its units, coverage. Out: the bytes of artifact.tar (proto/artifact/format.ts says what
 * is in it), the same for the same input on every run: nothing in them depends on time, directory, user or the order of keys in objects.
 *
 * Layers are gzip of the fast level: the maps layer is mostly owner keys (sha256, incompressible) and rows; a higher level makes it a few
 * percent smaller and several times slower.
 */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { ABI_VERSION } from '../../proto/abi.ts'
import { abiDigest } from '../../proto/artifact/abi-digest.ts'
import type { ArtifactConfig, ProgramUnit } from '../../proto/artifact/format.ts'
import { ARTIFACT_FORM, manifestOf } from '../../proto/artifact/oci.ts'
import { SERVICES_FILE } from '../../proto/http/services.ts'
import { NAMES_PATH, relocationDifferences, STATE_KEY_BYTES, TABLE_FILES } from '../../proto/artifact/table-files.ts'
import type { Plan } from '../lower/plan.ts'
import { planTables } from '../lower/plan-tables.ts'
import { type ArchiveFile, archive } from './archive.ts'
import { described, writeLayout } from './layout.ts'

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
}

export interface Packed {
  readonly bytes: Uint8Array
  /** "sha256:..." of the manifest: the artifact's digest */
  readonly digest: string
  readonly config: ArtifactConfig
}

const LEVEL = 1
const compress = promisify(gzip)

export async function pack(input: PackInput): Promise<Packed> {
  const units = [...input.units].sort((a, b) => (a.unit < b.unit ? -1 : 1))
  const config = configOf(input, units)
  const configBlob = Buffer.from(JSON.stringify(config))
  const [programs, maps, sources] = await Promise.all([
    layer(units.map(({ unit, object }) => ({ name: `programs/${unit}.o`, content: object }))),
    layer(mapFiles(input.plan)),
    layer([
      json('sources/coverage.json', inOrder(input.coverage)),
      json('sources/source-map.json', inOrder(input.plan.sourceMap)),
      ...(input.services === undefined ? [] : [{ name: `sources/${SERVICES_FILE}`, content: input.services }]),
      ...units.map(({ unit, source }) => ({ name: `sources/${unit}.c`, content: Buffer.from(source) })),
    ]),
  ])
  const manifest = manifestOf(ARTIFACT_FORM, described(configBlob), [programs, maps, sources].map(described))
  const { bytes, digest } = await writeLayout(manifest, [configBlob, programs, maps, sources])
  return { bytes, digest, config }
}

function configOf(input: PackInput, units: readonly PackedUnit[]): ArtifactConfig {
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
  }
}

function tableBytes(plan: Plan): Readonly<Record<(typeof TABLE_FILES)[number]['table'], Uint8Array>> {
  return {
    ...planTables(plan),
    endpointRelocations: relocationDifferences(plan.tables.endpointRelocations),
    httpRelocations: relocationDifferences(plan.tables.httpRelocations),
  }
}

function rowCounts(plan: Plan): ArtifactConfig['entries'] {
  const bytes = tableBytes(plan)
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
  for (const { table, rowSize, entries } of TABLE_FILES) if (entries !== undefined) counts[entries] = bytes[table].length / rowSize
  return counts
}

function mapFiles(plan: Plan): readonly ArchiveFile[] {
  const bytes = tableBytes(plan)
  return [...TABLE_FILES.map(({ table, path }) => ({ name: path, content: bytes[table] })), json(NAMES_PATH, plan.names)]
}

async function layer(files: readonly ArchiveFile[]): Promise<Uint8Array> {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1))
  return compress(await archive(sorted), { level: LEVEL })
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
