/**
 * The life of generations: a slot, an epoch and a block of every prog array each. In: open tables and records; out: free places, programs in
 * place, old generations cleared away. Invariant (dataplane.md, section 3): what a retained generation names is not touched, and a place is used again
 * only when no retained generation names it and a grace period has passed. Epoch and block belong to the record that names them; two records may name the same.
 */
import { join } from 'node:path'
import { EPOCH_SLOTS, GENERATION_SLOTS, PROGRAM_ARRAYS, PROGRAMS_PER_GENERATION } from '../proto/abi.ts'
import type { ProgramUnit } from '../proto/artifact/format.ts'
import { coded } from './coded-error.ts'
import { scrubVersions } from './delta/versions.ts'
import { dropEpoch, pinnedEpochs } from './epoch.ts'
import { type HeldObject, isCompleteMark } from './load-object.ts'
import { namesIn, type Pins, removeTree } from './pins.ts'
import { freeRecord, type GenerationRecord } from './record.ts'
import { dropUnshared } from './shared-tables.ts'
import { lookup, remove, u32, update } from './sys/libbpf-map.ts'
import { pinnedProgramId } from './sys/libbpf-program.ts'
import type { Tables } from './tables.ts'
import type { Undo } from './undo.ts'

export interface FreePlaces {
  readonly slot: number
  readonly epoch: number
  readonly programBase: number
}

/** Places that no generation of `kept` has, each as long ago in use as can be: the next after those of the generation in force. */
export function freePlaces(kept: readonly GenerationRecord[]): FreePlaces {
  const live = kept.find((record) => record.state === 'live')
  const block = (record: GenerationRecord): number => record.programBase / PROGRAMS_PER_GENERATION
  const slot = nextFree({ from: 1, end: GENERATION_SLOTS, after: live?.slot }, kept.map(slotOf))
  const epoch = nextFree({ from: 0, end: EPOCH_SLOTS, after: live?.epoch }, kept.map(epochOf))
  const programs = nextFree({ from: 1, end: GENERATION_SLOTS, after: live && block(live) }, kept.map(block))
  return { slot, epoch, programBase: programs * PROGRAMS_PER_GENERATION }
}

const slotOf = ({ slot }: GenerationRecord): number => slot
const epochOf = ({ epoch }: GenerationRecord): number => epoch

interface Range {
  readonly from: number
  readonly end: number
  readonly after: number | undefined
}

function nextFree({ from, end, after = from - 1 }: Range, taken: readonly number[]): number {
  const count = end - from
  for (let step = 1; step <= count; step++) {
    const candidate = from + ((after - from + step) % count)
    if (!taken.includes(candidate)) return candidate
  }
  throw coded('KM9113', `all ${count} slots for generations are taken`)
}

/** Generations that stay for a way back, besides the one in force, unless the user says otherwise. */
export const DEFAULT_KEEP = 3
/** Of all slots one is in force, one is being made and one may be draining. */
export const MOST_KEEP = GENERATION_SLOTS - 4

/**
 * What stays besides the generation in force: the newest `keep` before it, for a way back; and those that a rollback went behind, for the way forward,
 * until another one comes into force.
 */
export function splitKept(
  records: readonly GenerationRecord[],
  keep: number,
): { readonly kept: readonly GenerationRecord[]; readonly dropped: readonly GenerationRecord[] } {
  const live = records.filter((record) => record.state === 'live')
  const current = live[0]?.generation ?? 0n
  const retained = records.filter((record) => record.state === 'retained').sort(newestFirst)
  const abandoned = records.filter((record) => record.state === 'abandoned' && record.generation > current)
  const kept = [...live, ...retained.slice(0, keep), ...abandoned]
  return { kept, dropped: records.filter((record) => !kept.includes(record)) }
}

export function newestFirst(a: GenerationRecord, b: GenerationRecord): number {
  return a.generation < b.generation ? 1 : -1
}

/** Puts the programs of an artifact into the block of a generation. */
export function placePrograms(
  tables: Tables,
  programBase: number,
  units: readonly ProgramUnit[],
  objects: readonly HeldObject[],
  undo: Undo,
): void {
  undo.add('programs in their slots', () => clearPrograms(tables, programBase))
  // an apply that was cut off before it had a record may have left some there
  clearPrograms(tables, programBase)
  for (const { unit, slots } of units) {
    const object = objects.find((candidate) => candidate.unit === unit)
    for (const { program, hook, slot } of slots) {
      const held = object?.programs.find((candidate) => candidate.name === program)
      if (held === undefined) throw coded('KM9110', `programs/${unit}.o has no program "${program}"`)
      update(tables.fd(`km_program_${hook}`), u32(programBase + slot), u32(held.fd))
    }
  }
}

function clearPrograms(tables: Tables, programBase: number): void {
  for (const hook of PROGRAM_ARRAYS)
    for (let slot = 0; slot < PROGRAMS_PER_GENERATION; slot++) remove(tables.fd(`km_program_${hook}`), u32(programBase + slot))
}

/** Epochs that no generation has: an apply that was cut off left them. */
export function leftEpochs(pins: Pins, kept: readonly GenerationRecord[]): readonly number[] {
  return pinnedEpochs(pins).filter((epoch) => !kept.some((record) => record.epoch === epoch))
}

/** Empties every block of program slots that none of `kept` has: for what was cut off, which has no record of its block. */
export function clearUnused(tables: Tables, kept: readonly GenerationRecord[]): void {
  const bases = kept.map(({ programBase }) => programBase)
  for (let block = 1; block < GENERATION_SLOTS; block++) {
    const base = block * PROGRAMS_PER_GENERATION
    if (!bases.includes(base)) clearPrograms(tables, base)
  }
}

/**
 * Clears away generations, and what none of `kept` names: epochs, records, their program slots, pins of programs, shared tables. A grace period must have
 * passed since they were last in force.
 */
export async function clearAway(
  pins: Pins,
  tables: Tables,
  kept: readonly GenerationRecord[],
  dropped: readonly GenerationRecord[],
): Promise<void> {
  for (const epoch of leftEpochs(pins, kept)) await dropEpoch(pins, tables, epoch)
  const bases = kept.map(({ programBase }) => programBase)
  for (const { epoch, generation } of dropped) {
    const sharing = kept.filter((record) => record.epoch === epoch).map((record) => record.generation)
    const newest = sharing.reduce((most, one) => (one > most ? one : most), 0n)
    if (sharing.length > 0 && generation > newest) scrubVersions(pins, epoch, newest)
  }
  for (const { slot, programBase } of dropped) {
    if (!bases.includes(programBase)) clearPrograms(tables, programBase)
    freeRecord(tables, slot)
  }
  dropUnshared(pins)
  dropUnusedPrograms(pins, tables, kept)
}

function dropUnusedPrograms(pins: Pins, tables: Tables, kept: readonly GenerationRecord[]): void {
  const used = new Set<number>()
  const value = u32(0)
  const bases = new Set(kept.map(({ programBase }) => programBase))
  for (const hook of PROGRAM_ARRAYS) {
    for (const base of bases) {
      for (let slot = 0; slot < PROGRAMS_PER_GENERATION; slot++) {
        if (lookup(tables.fd(`km_program_${hook}`), u32(base + slot), value)) used.add(value.readUInt32LE(0))
      }
    }
  }
  for (const digest of namesIn(pins.programs)) {
    const directory = join(pins.programs, digest)
    if (!namesIn(directory).some((name) => !isCompleteMark(name) && used.has(pinnedProgramId(join(directory, name))))) removeTree(directory)
  }
}
