/**
 * What an artifact holds. In: a verified artifact. Out: a report (proto/inspect.schema.json) and its text. Everything in it is by name; numbers
 * are those of the kernel's tables.
 */
import * as abi from '../proto/abi.ts'
import { type Field, type Layout, get } from '../proto/layout.ts'
import type { Artifact, ArtifactConfig, NamedListener } from '../proto/artifact/format.ts'
import type { KernelProof } from '../proto/artifact/proof.ts'
import { TABLE_FILES } from '../proto/artifact/table-files.ts'

type TableName = keyof ArtifactConfig['entries']

export interface Inspection {
  readonly digest: string
  /** of the file */
  readonly bytes: number
  readonly config: ArtifactConfig
  readonly units: readonly { readonly unit: string; readonly bytes: number }[]
  /** bytes: keys and values as they are in the kernel */
  readonly tables: readonly { readonly table: TableName; readonly entries: number; readonly bytes: number }[]
  readonly listeners: readonly Required<Pick<NamedListener, 'name' | 'protocol' | 'addresses' | 'diverted'>>[]
  readonly clusters: readonly InspectedCluster[]
  readonly coverage: { readonly unclassified: number; readonly classes: Readonly<Record<string, number>> } | null
}

export interface InspectedCluster {
  readonly name: string
  readonly policy: string
  /** different endpoints that may be chosen */
  readonly endpoints: number
  readonly maxConnections: number
  readonly refused?: string
}

/** listeners and clusters that the text shows */
const SHOWN = 50
/** what control planes write for "no limit" */
const UNLIMITED = 0xffffffff
const CLASSES = ['compiled', 'equivalent', 'ignored-safe', 'diverted', 'rejected'] as const

export function inspectArtifact(artifact: Artifact, bytes: number): Inspection {
  const { config, names } = artifact
  return {
    digest: artifact.digest,
    bytes,
    config,
    units: config.programs.map(({ unit }) => ({ unit, bytes: artifact.programs.get(unit)?.length ?? 0 })),
    tables: Object.entries(config.entries).map(([table, entries]) => ({
      table: table as TableName,
      entries,
      bytes: kernelBytes(table, entries),
    })),
    listeners: names.listeners.map(({ name, protocol, addresses, diverted }) => ({ name, protocol, addresses, diverted: diverted ?? [] })),
    clusters: inspectClusters(artifact),
    coverage: coverageOf(artifact),
  }
}

function kernelBytes(table: string, entries: number): number {
  if (table === 'state') return entries * abi.state.size
  return entries * TABLE_FILES.filter((file) => file.entries === table).reduce((sum, file) => sum + file.rowSize, 0)
}

function inspectClusters({ tables, names }: Artifact): readonly InspectedCluster[] {
  const heads = viewOf(tables.cluster)
  const rows = viewOf(tables.endpoint)
  const count = rows.byteLength / abi.ROW_SIZE
  const read = (row: number, layout: Layout, name: string): number =>
    row < count ? get(rows, row * abi.ROW_SIZE, fieldOf(layout, name)) : 0
  return names.clusters.map(({ name, policy, refused }, index) => {
    const head = index * abi.cluster.size
    const cell = head + fieldOf(abi.cluster, 'cells').offset
    const first = get(heads, cell, fieldOf(abi.cell, 'first'))
    const endpoints = new Set<number>()
    for (let tier = first; tier < Math.min(count, first + get(heads, cell, fieldOf(abi.cell, 'tiers'))); tier++) {
      const groups = first + read(tier, abi.tier, 'group')
      for (let group = groups; group < Math.min(count, groups + read(tier, abi.tier, 'groups')); group++) {
        const list = first + read(group, abi.group, 'first')
        const end = Math.min(count, list + read(group, abi.group, 'count'))
        for (let row = list; row < end; row++) endpoints.add(read(row, abi.endpoint, 'state'))
      }
    }
    const maxConnections = get(heads, head, fieldOf(abi.cluster, 'max_connections'))
    return { name, policy, endpoints: endpoints.size, maxConnections, ...(refused !== undefined && { refused }) }
  })
}

/** The summary of sources/coverage.json; null when that is not what the compiler writes. */
function coverageOf(artifact: Artifact): Inspection['coverage'] {
  const bytes = artifact.sources.get('coverage.json')
  if (bytes === undefined) return null
  try {
    const { unclassified, classes } = JSON.parse(Buffer.from(bytes).toString()) as Partial<NonNullable<Inspection['coverage']>>
    return unclassified === undefined || classes === undefined ? null : { unclassified, classes }
  } catch {
    return null
  }
}

/** Listeners and clusters are cut after `most`. */
export function inspectionText(inspection: Inspection, most = SHOWN): string {
  const { config, coverage } = inspection
  const { abi: layouts, compiler, target, budgets, protocols, proof = [] } = config
  const unitBytes = new Map(inspection.units.map(({ unit, bytes }) => [unit, bytes]))
  return [
    `artifact ${inspection.digest}`,
    `  ${size(inspection.bytes)}, written by kmeshc ${compiler.version}, struct layouts ${layouts.version} (${layouts.digest.slice(0, 12)})`,
    `  for kernel ${target.kernel} and later${target.features.length === 0 ? '' : `: ${target.features.join(', ')}`}`,
    ...proof.map((kernel) => `  verified by kernel ${kernel.kernel}: at most ${mostInstructions(kernel)} instructions walked through`),
    `  ${protocols.length === 0 ? 'no listeners' : protocols.join(' and ')}`,
    'programs',
    ...config.programs.flatMap(({ unit, slots }) => [
      `  ${unit}.o  ${size(unitBytes.get(unit) ?? 0)}${slots.length === 0 ? ', constant' : ''}`,
      ...slots.map(({ program, hook, slot, instructions }) => `    ${program}  ${hook} slot ${slot}, ${instructions} instructions`),
    ]),
    'tables',
    ...inspection.tables.map(({ table, entries, bytes }) => `  ${table.padEnd(8)} ${String(entries).padStart(9)} rows  ${size(bytes)}`),
    'budgets',
    `  ${budgets.tailCalls} of 33 tail calls, ${budgets.stackBytes} of 512 bytes of stack, ${budgets.objectInstructions} instructions in all objects`,
    ...list('listeners', most, inspection.listeners, ({ name, protocol, addresses, diverted }) => [
      `${name}  ${protocol} ${addresses.join(', ')}`,
      ...diverted.map(({ path, why }) => `  diverted: ${why} (${path})`),
    ]),
    ...list('clusters', most, inspection.clusters, (cluster) => [`${cluster.name}  ${clusterText(cluster)}`]),
    'coverage',
    coverage === null
      ? '  none'
      : `  ${[...CLASSES.map((name) => `${coverage.classes[name] ?? 0} ${name}`), `${coverage.unclassified} unclassified`].join(', ')}`,
    '',
  ].join('\n')
}

function mostInstructions({ units }: KernelProof): number {
  return Math.max(0, ...units.flatMap(({ programs }) => programs.map(({ verifiedInstructions }) => verifiedInstructions)))
}

function clusterText({ policy, endpoints, maxConnections, refused }: InspectedCluster): string {
  if (refused !== undefined) return `refused: ${refused}`
  if (policy === 'ORIGINAL_DST') return 'left alone (ORIGINAL_DST)'
  const limit = maxConnections === UNLIMITED ? 'any number of connections' : `at most ${maxConnections} connections`
  return `${policy}, ${endpoints} endpoint${endpoints === 1 ? '' : 's'}, ${limit}`
}

function list<Item>(title: string, most: number, items: readonly Item[], lines: (item: Item) => readonly string[]): readonly string[] {
  const shown = items.slice(0, most).flatMap((item) => lines(item).map((line) => `  ${line}`))
  return [`${title} (${items.length})`, ...shown, ...(items.length > most ? [`  and ${items.length - most} more (--json shows all)`] : [])]
}

function size(bytes: number): string {
  if (bytes < 10_000) return `${bytes} bytes`
  return bytes < 10_000_000 ? `${(bytes / 1000).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(0)} MB`
}

function fieldOf(layout: Layout, name: string): Field {
  return layout.fields[name] as Field
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
