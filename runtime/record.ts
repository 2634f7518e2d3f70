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
import { packRow, rowReader } from './field.ts'
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
  const records: GenerationRecord[] = []
  for (let slot = 1; slot < GENERATION_SLOTS; slot++) {
    const record = recordAt(tables, slot)
    if (record.state !== 'free') records.push(record)
  }
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
  return slot === 0 ? undefined : { ...recordAt(tables, slot), state: 'live' }
}

function recordAt(tables: RecordTables, slot: number): GenerationRecord {
  const { buffer, byteOffset } = tables.memory('km_record')
  const read = rowReader(layout, new Uint8Array(buffer, byteOffset + slot * layout.size, layout.size))
  return {
    slot,
    state: GENERATION_STATES[read.number(0, 'state')] ?? 'free',
    generation: read.big(0, 'generation'),
    epoch: read.number(0, 'epoch'),
    programBase: read.number(0, 'program_base'),
    flags: read.number(0, 'flags'),
    clusters: read.number(0, 'clusters'),
    chains: read.number(0, 'chains'),
    namesBytes: read.number(0, 'names_bytes'),
    appliedAt: read.number(0, 'applied_at'),
    digest: Uint8Array.from(read.bytes(0, 'digest')),
    confirmBy: read.number(0, 'confirm_by'),
    rows: read.number(0, 'rows'),
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
