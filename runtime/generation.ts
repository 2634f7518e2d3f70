/**
 * The life of generations: a slot, an epoch and a block of every prog array each. In: open tables and records; out: free places, programs in
 * place, old generations cleared away. Invariant (dataplane.md, section 3): what a retained generation names is not touched, and a place is used again
 * only when no retained generation names it and a grace period has passed.
 */
import { join } from 'node:path'
import { EPOCH_SLOTS, GENERATION_SLOTS, PROGRAM_ARRAYS, PROGRAMS_PER_GENERATION } from '../proto/abi.ts'
import type { ProgramUnit } from '../proto/artifact/format.ts'
import { coded } from './coded-error.ts'
import { dropEpoch, pinnedEpochs } from './epoch.ts'
import { type HeldObject, isCompleteMark } from './load-object.ts'
import { namesIn, type Pins, removeTree } from './pins.ts'
import { freeRecord, type GenerationRecord } from './record.ts'
import { lookup, remove, u32, update } from './sys/libbpf-map.ts'
import { pinnedProgramId } from './sys/libbpf-program.ts'
import type { Tables } from './tables.ts'
import type { Undo } from './undo.ts'

export interface FreePlaces {
  readonly slot: number
  readonly epoch: number
  readonly programBase: number
}

/** Places that no generation of `kept` has. Each slot owns the block of the same number. */
export function freePlaces(kept: readonly GenerationRecord[]): FreePlaces {
  const slot = firstFree(
    1,
    GENERATION_SLOTS,
    kept.map((record) => record.slot),
  )
  const epoch = firstFree(
    0,
    EPOCH_SLOTS,
    kept.map((record) => record.epoch),
  )
  return { slot, epoch, programBase: slot * PROGRAMS_PER_GENERATION }
}

function firstFree(from: number, end: number, taken: readonly number[]): number {
  for (let candidate = from; candidate < end; candidate++) if (!taken.includes(candidate)) return candidate
  throw coded('KM9113', `all ${end - from} slots for generations are taken`)
}

/** What stays besides the generation in force: the newest one before it, for a way back. */
export function splitKept(records: readonly GenerationRecord[]): {
  readonly kept: readonly GenerationRecord[]
  readonly dropped: readonly GenerationRecord[]
} {
  const live = records.filter((record) => record.state === 'live')
  const retained = records.filter((record) => record.state === 'retained').sort((a, b) => (a.generation < b.generation ? 1 : -1))
  const kept = [...live, ...retained.slice(0, 1)]
  return { kept, dropped: records.filter((record) => !kept.includes(record)) }
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

/**
 * Clears away generations, and everything that none of `kept` names: epochs, program slots, records, pins of programs. A grace period must have
 * passed since they were last in force.
 */
export async function clearAway(
  pins: Pins,
  tables: Tables,
  kept: readonly GenerationRecord[],
  dropped: readonly GenerationRecord[],
): Promise<void> {
  const epochs = kept.map((record) => record.epoch)
  for (const epoch of pinnedEpochs(pins)) if (!epochs.includes(epoch)) await dropEpoch(pins, tables, epoch)
  const slots = kept.map((record) => record.slot)
  for (let slot = 1; slot < GENERATION_SLOTS; slot++) if (!slots.includes(slot)) clearPrograms(tables, slot * PROGRAMS_PER_GENERATION)
  for (const record of dropped) freeRecord(tables, record.slot)
  dropUnusedPrograms(pins, tables, kept)
}

function dropUnusedPrograms(pins: Pins, tables: Tables, kept: readonly GenerationRecord[]): void {
  const used = new Set<number>()
  const value = u32(0)
  for (const hook of PROGRAM_ARRAYS) {
    for (const { programBase } of kept) {
      for (let slot = 0; slot < PROGRAMS_PER_GENERATION; slot++) {
        if (lookup(tables.fd(`km_program_${hook}`), u32(programBase + slot), value)) used.add(value.readUInt32LE(0))
      }
    }
  }
  for (const digest of namesIn(pins.programs)) {
    const directory = join(pins.programs, digest)
    if (!namesIn(directory).some((name) => !isCompleteMark(name) && used.has(pinnedProgramId(join(directory, name))))) removeTree(directory)
  }
}
