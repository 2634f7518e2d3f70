/**
 * Where the kernel differs from an artifact. In: an instance, and the artifact that should be in force; out: DriftReport (proto/drift.schema.json), entry by entry. Without an artifact only what bpffs
 * alone can tell. Read without the lock; nothing is changed.
 */
import type { Artifact } from '../../proto/artifact/format.ts'
import { coded } from '../coded-error.ts'
import { readEntries } from '../epoch.ts'
import { type HeldGeneration, type OpenInstance, openInstance, readGeneration } from '../held-generation.ts'
import { type GenerationRecord, recordDigest } from '../record.ts'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isErrno } from '../sys/system-error.ts'
import { mapSpec } from '../table-shape.ts'
import { clusterDrift } from './cluster-drift.ts'
import { compareTable, type EntryDrift } from './compare-table.ts'
import { entryText } from './entry-text.ts'
import { type Expected, expectedTables } from './expected.ts'
import { type StructuralFault, structuralFaults } from './structure.ts'

export interface DriftedEntry {
  readonly table: string
  readonly kind: EntryDrift['kind']
  /** what it is called */
  readonly entry: string
}

export interface TableDrift {
  readonly table: string
  readonly missing: number
  readonly extra: number
  readonly changed: number
}

export interface DriftReport {
  readonly instance: string
  readonly generation: number
  /** of what is in force */
  readonly artifact: string
  /** tables that differ; empty also when no artifact was given */
  readonly tables: readonly TableDrift[]
  /** the first of them, by table */
  readonly entries: readonly DriftedEntry[]
  readonly faults: readonly StructuralFault[]
  /** owners of the artifact whose state row is gone: their counters begin anew */
  readonly missingOwners: number
  /** fields of the record that differ */
  readonly record: readonly string[]
}

const SHOWN = 1000

/** Throws KM9128 when the artifact is not the one in force. */
export function drift(instance: string, artifact: Artifact | undefined): DriftReport {
  const open = openInstance(instance)
  try {
    return driftOf(open, artifact)
  } finally {
    open.tables.close()
  }
}

export function driftOf(open: OpenInstance, artifact: Artifact | undefined): DriftReport {
  const held = generationOf(open)
  const inForce = recordDigest(held.record)
  if (artifact !== undefined && artifact.digest !== inForce)
    throw coded('KM9128', `${artifact.digest} is not in force; generation ${held.record.generation} is of ${inForce}`)
  const expected = artifact === undefined ? undefined : expectedTables(open.pins, artifact)
  const found = expected === undefined || artifact === undefined ? [] : contentDrift(open, held, expected, artifact)
  return {
    instance: open.instance,
    generation: Number(held.record.generation),
    artifact: inForce,
    tables: found.map(({ table, entries }) => ({ table, ...counts(entries) })),
    entries: found
      .flatMap(({ table, entries }) =>
        entries.slice(0, SHOWN).map((entry) => ({ table, kind: entry.kind, entry: entryText(table, entry, namingOf(artifact, expected)) })),
      )
      .slice(0, SHOWN),
    faults: structuralFaults(open, held),
    missingOwners: expected?.missingOwners ?? 0,
    record: expected === undefined ? [] : recordDrift(held.record, expected),
  }
}

/** The names document itself may have been changed: its programs are then unknown. */
function generationOf(open: OpenInstance): HeldGeneration {
  try {
    return readGeneration(open)
  } catch (error) {
    if (!isErrno(error, 'Z_DATA_ERROR', 'Z_BUF_ERROR') && !(error instanceof SyntaxError)) throw error
    throw coded('KM9136', `the names of instance "${open.instance}" cannot be read`)
  }
}

function namingOf(artifact: Artifact | undefined, expected: Expected | undefined) {
  return { names: artifact?.names ?? { listeners: [], clusters: [], services: [] }, cluster: expected?.cluster ?? new Uint8Array(0) }
}

interface TableEntries {
  readonly table: string
  readonly entries: readonly EntryDrift[]
}

function contentDrift(
  { pins }: OpenInstance,
  held: HeldGeneration,
  { contents, cluster, endpoint }: Expected,
  { names }: Artifact,
): readonly TableEntries[] {
  const { epoch } = held.record
  const clusters = clusterDrift(held, { cluster, endpoint, names })
  return contents.flatMap(({ map, keys, values }) => {
    if (map === 'km_cluster' || map === 'km_endpoint') return clusters[map].length === 0 ? [] : [{ table: map, entries: clusters[map] }]
    const { inner } = mapSpec(map)
    // a table without pin is a fault of its own
    if (inner === undefined || !existsSync(join(pins.epoch(epoch), map))) return []
    const rows = readEntries(pins, epoch, map, inner.keySize, inner.valueSize)
    const entries = compareTable(rows, { values, ...(keys === undefined ? {} : { keys }) }, inner)
    return entries.length === 0 ? [] : [{ table: map, entries }]
  })
}

function counts(entries: readonly EntryDrift[]): Omit<TableDrift, 'table'> {
  const count = (kind: EntryDrift['kind']): number => entries.filter((entry) => entry.kind === kind).length
  return { missing: count('missing'), extra: count('extra'), changed: count('changed') }
}

function recordDrift(record: GenerationRecord, { namesBytes }: Expected): readonly string[] {
  return record.namesBytes === namesBytes ? [] : ['names_bytes']
}

/** Whether the kernel is as it should be. */
export function isDrifted({ tables, faults, missingOwners, record }: DriftReport): boolean {
  return tables.length + faults.length + missingOwners + record.length > 0
}
