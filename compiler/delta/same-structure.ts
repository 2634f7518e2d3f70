/**
 * Is everything but the rows of endpoints the same? In: two artifacts. Out: undefined, or what differs, in words.
 * Invariant: indices of states are replaced by their owners before anything is compared, since they move whenever an endpoint comes or goes.
 */
import * as abi from '../../proto/abi.ts'
import type { Field, Layout } from '../../proto/layout.ts'
import type { Artifact, ArtifactTables, NamesDocument } from '../../proto/artifact/format.ts'
import { ownerText } from './owners.ts'

/** Completes "the whole artifact is needed: ...". */
export function sameStructure(base: Artifact, next: Artifact): string | undefined {
  if (JSON.stringify(base.config.programs) !== JSON.stringify(next.config.programs) || !samePrograms(base, next)) return 'programs differ'
  if (base.config.target.kernel !== next.config.target.kernel) return 'the target kernel differs'
  const names = differentNames(base, next)
  if (names !== undefined) return `${names} differ`
  const table = ALIKE.find(({ table }) => !sameBytes(base.tables[table], next.tables[table]))
  if (table !== undefined) return `${table.what} differ`
  if (!sameColumn(base.tables, next.tables, 'listenerValues', abi.listenerValue)) return 'listeners differ'
  if (!sameHeads(base, next)) return 'settings of clusters differ'
  return sameRequests(base.tables, next.tables) ? undefined : 'routes differ'
}

const ALIKE: readonly { readonly table: keyof ArtifactTables; readonly what: string }[] = [
  { table: 'listenerKeys', what: 'addresses of listeners' },
  { table: 'matchKeys', what: 'filter chain matches' },
  { table: 'matchValues', what: 'filter chain matches' },
  { table: 'chain', what: 'filter chains' },
  { table: 'nameKeys', what: 'routes' },
  { table: 'nameValues', what: 'routes' },
]

function samePrograms(base: Artifact, next: Artifact): boolean {
  return [...next.programs].every(([unit, object]) => {
    const held = base.programs.get(unit)
    return held !== undefined && sameBytes(held, object)
  })
}

function differentNames(base: Artifact, next: Artifact): keyof NamesDocument | undefined {
  const text = ({ names, tables }: Artifact, kind: keyof NamesDocument): string =>
    JSON.stringify(names[kind], (key, value: unknown) => (key === 'state' ? ownerText(tables.states, value as number) : value))
  return (['listeners', 'services', 'clusters'] as const).find((kind) => text(base, kind) !== text(next, kind))
}

function sameHeads(base: Artifact, next: Artifact): boolean {
  const cells = (abi.cluster.fields.cells as Field).offset
  const heads = ({ cluster }: ArtifactTables): ArtifactTables['cluster'] => {
    const copy = Uint8Array.from(cluster)
    for (let at = 0; at < copy.length; at += abi.cluster.size) copy.fill(0, at + cells, at + abi.cluster.size)
    return copy
  }
  const [a, b] = [base, next].map(({ tables }) => ({ ...tables, cluster: heads(tables) })) as [ArtifactTables, ArtifactTables]
  return sameColumn(a, b, 'cluster', abi.cluster)
}

/** Rows with one state each, in the field of that name. */
function sameColumn(base: ArtifactTables, next: ArtifactTables, table: 'listenerValues' | 'cluster', layout: Layout): boolean {
  const offset = (layout.fields.state as Field).offset
  const places = Uint32Array.from({ length: next[table].length / layout.size }, (_, row) => row * layout.size + offset)
  return base[table].length === next[table].length && sameButStates(base, next, table, places)
}

function sameRequests(base: ArtifactTables, next: ArtifactTables): boolean {
  if (!sameBytes(base.httpRelocations, next.httpRelocations) || base.http.length !== next.http.length) return false
  const stored = new DataView(next.httpRelocations.buffer, next.httpRelocations.byteOffset, next.httpRelocations.byteLength)
  const places = Uint32Array.from({ length: stored.byteLength / 4 }, (_, index) => stored.getUint32(index * 4, true))
  return sameButStates(base, next, 'http', places)
}

function sameButStates(
  base: ArtifactTables,
  next: ArtifactTables,
  table: 'listenerValues' | 'cluster' | 'http',
  places: Uint32Array,
): boolean {
  const [a, b] = [Buffer.from(base[table]), Buffer.from(next[table])]
  for (const offset of places) {
    if (ownerText(base.states, a.readUInt32LE(offset)) !== ownerText(next.states, b.readUInt32LE(offset))) return false
    a.writeUInt32LE(0, offset)
    b.writeUInt32LE(0, offset)
  }
  return a.equals(b)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
