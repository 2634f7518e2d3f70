/**
 * The generations of an instance that are kept. In: its name; out: HistoryReport (proto/history.schema.json). Read without the lock; all of it comes from the kernel.
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { GenerationState } from '../proto/abi.ts'
import { openInstance } from './held-generation.ts'
import { newestFirst } from './generation.ts'
import { readKeep } from './keep.ts'
import { pinnedMemory } from './pinned-memory.ts'
import { namesIn, type Pins } from './pins.ts'
import { divertedOf, type GenerationRecord, readRecords, recordDigest, timeOf } from './record.ts'

export interface HistoryEntry {
  readonly generation: number
  readonly state: GenerationState
  /** "sha256:..." */
  readonly artifact: string
  /** RFC 3339 */
  readonly appliedAt: string
  /** RFC 3339: taken back then, unless it is confirmed */
  readonly confirmBy?: string
  readonly clusters: number
  readonly diverted: 'refuse' | 'pass'
  /** bytes in the kernel: of its tables, and of those that no other kept generation has */
  readonly memory: { readonly tables: number; readonly own: number }
}

export interface HistoryReport {
  readonly instance: string
  /** how many stay for a way back */
  readonly keep: number
  /** newest first */
  readonly generations: readonly HistoryEntry[]
}

export function history(instance: string): HistoryReport {
  const { pins, tables } = openInstance(instance)
  try {
    const records = [...readRecords(tables)].sort(newestFirst)
    const users = countUsers(pins, records)
    return {
      instance,
      keep: readKeep(pins),
      generations: records.map((record) => ({
        generation: Number(record.generation),
        state: record.state,
        artifact: recordDigest(record),
        appliedAt: timeOf(record.appliedAt),
        ...(record.state !== 'live' || record.confirmBy === 0 ? {} : { confirmBy: timeOf(record.confirmBy) }),
        clusters: record.clusters,
        diverted: divertedOf(record),
        memory: memoryOf(pins, record, users),
      })),
    }
  } finally {
    tables.close()
  }
}

/** Files of tables -> how many kept generations have them: pins of one table are one file. */
function countUsers(pins: Pins, records: readonly GenerationRecord[]): ReadonlyMap<number, number> {
  const users = new Map<number, number>()
  for (const record of records) for (const { file } of tablesOf(pins, record)) users.set(file, (users.get(file) ?? 0) + 1)
  return users
}

function memoryOf(pins: Pins, record: GenerationRecord, users: ReadonlyMap<number, number>): HistoryEntry['memory'] {
  const tables = tablesOf(pins, record).map(({ path, file }) => ({ bytes: pinnedMemory(path), own: users.get(file) === 1 }))
  return {
    tables: tables.reduce((sum, { bytes }) => sum + bytes, 0),
    own: tables.reduce((sum, { bytes, own }) => sum + (own ? bytes : 0), 0),
  }
}

function tablesOf(pins: Pins, { epoch }: GenerationRecord): readonly { readonly path: string; readonly file: number }[] {
  const directory = pins.epoch(epoch)
  if (!existsSync(directory)) return []
  return namesIn(directory).map((name) => ({ path: join(directory, name), file: statSync(join(directory, name)).ino }))
}
