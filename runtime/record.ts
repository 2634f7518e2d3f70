/**
 * Generations as km_record and km_generation hold them. In: open tables; out: plain records, numbers, and the one write that switches.
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
import { lookup, readAll, u32, update } from './sys/libbpf-map.ts'
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
export type RecordTables = Pick<Tables, 'fd'>

/** Slot of the generation in force; 0: everything passes through. */
export function liveSlot(tables: RecordTables): number {
  return generationEntry(tables, GENERATION_SLOT)
}

/** The switch. */
export function switchTo(tables: RecordTables, slot: number): void {
  update(tables.fd('km_generation'), u32(GENERATION_SLOT), u32(slot))
}

/** The number that the next generation has: none of this instance ever had it. */
export function nextNumber(tables: RecordTables): bigint {
  return BigInt(generationEntry(tables, GENERATION_LATEST) + 1)
}

/** From now on it is spent. */
export function spendNumber(tables: RecordTables, number: bigint): void {
  update(tables.fd('km_generation'), u32(GENERATION_LATEST), u32(Number(number)))
}

function generationEntry(tables: RecordTables, entry: number): number {
  const value = u32(0)
  lookup(tables.fd('km_generation'), u32(entry), value)
  return value.readUInt32LE(0)
}

/** All records that are not free, by slot; their state corrected by what is in force. */
export function readRecords(tables: RecordTables): readonly GenerationRecord[] {
  const live = liveSlot(tables)
  const { values } = readAll(tables.fd('km_record'), 4, layout.size, GENERATION_SLOTS)
  const records: GenerationRecord[] = []
  for (let slot = 1; slot < GENERATION_SLOTS; slot++) {
    const record = recordOf(values, slot)
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
  if (slot === 0) return undefined
  const row = Buffer.alloc(layout.size)
  lookup(tables.fd('km_record'), u32(slot), row)
  return { ...recordOf(row, 0), slot, state: 'live' }
}

/** Row `slot` of a table of records. */
function recordOf(rows: Buffer, slot: number): GenerationRecord {
  const at = slot * layout.size
  const read = rowReader(layout, rows)
  return {
    slot,
    state: GENERATION_STATES[read.number(at, 'state')] ?? 'free',
    generation: read.big(at, 'generation'),
    epoch: read.number(at, 'epoch'),
    programBase: read.number(at, 'program_base'),
    flags: read.number(at, 'flags'),
    clusters: read.number(at, 'clusters'),
    chains: read.number(at, 'chains'),
    namesBytes: read.number(at, 'names_bytes'),
    appliedAt: read.number(at, 'applied_at'),
    digest: Uint8Array.from(read.bytes(at, 'digest')),
    confirmBy: read.number(at, 'confirm_by'),
    rows: read.number(at, 'rows'),
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
  update(tables.fd('km_record'), u32(record.slot), row)
}

export function freeRecord(tables: RecordTables, slot: number): void {
  const row = packRow(layout, { state: FREE })
  update(tables.fd('km_record'), u32(slot), row)
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
