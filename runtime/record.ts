/**
 * Generations as km_record and km_generation hold them. In: open tables; out: plain records, and the one write that switches.
 * Invariant: what km_generation names is the truth; a record's state is only a note that a crash may have left behind the truth.
 */
import { GENERATION_SLOTS, GENERATION_STATES, type GenerationState, record as layout, RECORD_DIVERTED_PASS } from '../proto/abi.ts'
import { packRow, rowReader } from './field.ts'
import { lookup, u32, update } from './sys/libbpf-map.ts'
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
  /** no longer in force, and the apply that took it out was cut off before it settled: what left with it was told nobody */
  readonly unsettled?: true
}

const FREE = 0

/** Slot of the generation in force; 0: everything passes through. */
export function liveSlot(tables: Tables): number {
  const value = u32(0)
  lookup(tables.fd('km_generation'), u32(0), value)
  return value.readUInt32LE(0)
}

/** The switch. */
export function switchTo(tables: Tables, slot: number): void {
  update(tables.fd('km_generation'), u32(0), u32(slot))
}

/** All records that are not free, by slot; their state corrected by what is in force. */
export function readRecords(tables: Tables): readonly GenerationRecord[] {
  const live = liveSlot(tables)
  const records: GenerationRecord[] = []
  for (let slot = 1; slot < GENERATION_SLOTS; slot++) {
    const record = readRecord(tables, slot)
    if (record.state !== 'free') records.push(record)
  }
  const current = records.find((record) => record.slot === live)
  return records.map((record) => {
    const state = trueState(record, live, current?.generation ?? 0n)
    return { ...record, state, ...(record.state === 'live' && state === 'retained' && { unsettled: true as const }) }
  })
}

function trueState(record: GenerationRecord, live: number, generation: bigint): GenerationState {
  if (record.slot === live) return 'live'
  // written just before a switch that never came, or left behind by one that did
  if (record.state === 'live') return record.generation < generation ? 'retained' : 'building'
  return record.state
}

function readRecord(tables: Tables, slot: number): GenerationRecord {
  const row = Buffer.alloc(layout.size)
  lookup(tables.fd('km_record'), u32(slot), row)
  const read = rowReader(layout, row)
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
  }
}

export function writeRecord(tables: Tables, record: GenerationRecord): void {
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
  })
  update(tables.fd('km_record'), u32(record.slot), row)
}

export function freeRecord(tables: Tables, slot: number): void {
  const row = packRow(layout, { state: FREE })
  update(tables.fd('km_record'), u32(slot), row)
}

/** "sha256:..." of the artifact that a record was made from. */
export function recordDigest(record: GenerationRecord): string {
  return `sha256:${Buffer.from(record.digest).toString('hex')}`
}

export function divertedOf(record: GenerationRecord): 'refuse' | 'pass' {
  return (record.flags & RECORD_DIVERTED_PASS) === 0 ? 'refuse' : 'pass'
}
