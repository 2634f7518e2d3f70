/**
 * Generations as km_record and km_generation hold them. In: open tables; out: plain records, numbers, and the one write that switches. Both are mapped memory, so nothing here is a system call.
 * Invariants: what km_generation names is the truth, a record's state only a note that a crash may have left behind the truth; a number is never given
 * twice, as cells of clusters and connections compare with it.
 */
import {
  GENERATION_LATEST,
  GENERATION_SLOT,
  GENERATION_SLOTS,
  GENERATION_STATES,
  type GenerationState,
  RECORD_DIVERTED_PASS,
  RECORD_UNSETTLED,
  record as layout,
} from '../proto/abi.ts'
import { get, get64 } from '../proto/layout.ts'
import { fieldOf, packRow } from './field.ts'
import { storeBytes, storeWord } from './sys/map-memory.ts'
import type { Tables } from './tables.ts'

export interface GenerationRecord {
  readonly slot: number
  readonly state: GenerationState
  /** sequence number */
  readonly generation: bigint
  readonly epoch: number
  readonly programBase: number
  /** RECORD_* */
  readonly flags: number
  readonly clusters: number
  readonly chains: number
  readonly namesBytes: number
  /** Unix seconds */
  readonly appliedAt: number
  /** 32 bytes */
  readonly digest: Uint8Array
  /** Unix seconds; 0: nothing to confirm */
  readonly confirmBy: number
  /** of km_endpoint that are used */
  readonly rows: number
}

const FREE = 0

/** Looked up once: records are read several times in each change of what is in force. */
const FIELDS = {
  state: fieldOf(layout, 'state'),
  generation: fieldOf(layout, 'generation'),
  epoch: fieldOf(layout, 'epoch'),
  programBase: fieldOf(layout, 'program_base'),
  flags: fieldOf(layout, 'flags'),
  clusters: fieldOf(layout, 'clusters'),
  chains: fieldOf(layout, 'chains'),
  namesBytes: fieldOf(layout, 'names_bytes'),
  appliedAt: fieldOf(layout, 'applied_at'),
  digest: fieldOf(layout, 'digest'),
  confirmBy: fieldOf(layout, 'confirm_by'),
  rows: fieldOf(layout, 'rows'),
}

/** What is asked of tables here: records can be read where not all of an instance's maps are open. */
export type RecordTables = Pick<Tables, 'memory'>

/** Bytes from one element of km_generation to the next. */
const ENTRY = 8

/** Slot of the generation in force; 0: everything passes through. */
export function liveSlot(tables: RecordTables): number {
  return generationEntry(tables, GENERATION_SLOT)
}

/** The switch. */
export function switchTo(tables: RecordTables, slot: number): void {
  storeWord(tables.memory('km_generation'), GENERATION_SLOT * ENTRY, slot)
}

/** The number that the next generation has: none of this instance ever had it. */
export function nextNumber(tables: RecordTables): bigint {
  return BigInt(generationEntry(tables, GENERATION_LATEST) + 1)
}

/** From now on it is spent. */
export function spendNumber(tables: RecordTables, number: bigint): void {
  storeWord(tables.memory('km_generation'), GENERATION_LATEST * ENTRY, Number(number))
}

function generationEntry(tables: RecordTables, entry: number): number {
  return tables.memory('km_generation').getUint32(entry * ENTRY, true)
}

/** All records that are not free, by slot; their state corrected by what is in force. */
export function readRecords(tables: RecordTables): readonly GenerationRecord[] {
  const live = liveSlot(tables)
  const rows = tables.memory('km_record')
  const records: GenerationRecord[] = []
  for (let slot = 1; slot < GENERATION_SLOTS; slot++) if (stateAt(rows, slot) !== 'free') records.push(recordAt(rows, slot))
  const current = records.find((record) => record.slot === live)
  return records.map((record) => ({ ...record, state: trueState(record, live, current?.generation ?? 0n) }))
}

function trueState(record: GenerationRecord, live: number, generation: bigint): GenerationState {
  if (record.slot === live) return 'live'
  if (record.state === 'live' || record.state === 'retained') return record.generation < generation ? 'retained' : 'abandoned'
  return record.state
}

/** The record of the generation in force. */
export function liveRecord(tables: RecordTables): GenerationRecord | undefined {
  const slot = liveSlot(tables)
  return slot === 0 ? undefined : { ...recordAt(tables.memory('km_record'), slot), state: 'live' }
}

function stateAt(rows: DataView, slot: number): GenerationState {
  return GENERATION_STATES[get(rows, slot * layout.size, FIELDS.state)] ?? 'free'
}

function recordAt(rows: DataView, slot: number): GenerationRecord {
  const at = slot * layout.size
  return {
    slot,
    state: stateAt(rows, slot),
    generation: get64(rows, at, FIELDS.generation),
    epoch: get(rows, at, FIELDS.epoch),
    programBase: get(rows, at, FIELDS.programBase),
    flags: get(rows, at, FIELDS.flags),
    clusters: get(rows, at, FIELDS.clusters),
    chains: get(rows, at, FIELDS.chains),
    namesBytes: get(rows, at, FIELDS.namesBytes),
    appliedAt: get(rows, at, FIELDS.appliedAt),
    digest: new Uint8Array(rows.buffer, rows.byteOffset + at + FIELDS.digest.offset, FIELDS.digest.count).slice(),
    confirmBy: get(rows, at, FIELDS.confirmBy),
    rows: get(rows, at, FIELDS.rows),
  }
}

export function writeRecord(tables: RecordTables, record: GenerationRecord): void {
  const row = packRow(layout, {
    generation: record.generation,
    state: GENERATION_STATES.indexOf(record.state),
    epoch: record.epoch,
    program_base: record.programBase,
    flags: record.flags,
    clusters: record.clusters,
    chains: record.chains,
    names_bytes: record.namesBytes,
    applied_at: record.appliedAt,
    digest: record.digest,
    confirm_by: record.confirmBy,
    rows: record.rows,
  })
  storeBytes(tables.memory('km_record'), record.slot * layout.size, row)
}

export function freeRecord(tables: RecordTables, slot: number): void {
  storeBytes(tables.memory('km_record'), slot * layout.size, packRow(layout, { state: FREE }))
}

/** "sha256:..." of the artifact that a record was made from. */
export function recordDigest(record: GenerationRecord): string {
  return `sha256:${Buffer.from(record.digest).toString('hex')}`
}

/** RFC 3339 of Unix seconds. */
export function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

export function divertedOf(record: GenerationRecord): 'refuse' | 'pass' {
  return (record.flags & RECORD_DIVERTED_PASS) === 0 ? 'refuse' : 'pass'
}

/** No longer in force, and whoever has to leave its endpoints was not told yet. */
export function isUnsettled(record: GenerationRecord): boolean {
  return record.state !== 'live' && (record.flags & RECORD_UNSETTLED) !== 0
}

export function withFlag(record: GenerationRecord, flag: number, to: 'set' | 'clear'): GenerationRecord {
  return { ...record, flags: to === 'set' ? record.flags | flag : record.flags & ~flag }
}
