/**
 * Puts right what drifted. In: an instance, perhaps the artifact in force; out: what was wrong, and what still is. Tables with wrong entries are made anew and exchanged with one write, so that no
 * decision meets a row that is half written; maps of maps, program slots and links follow their pins. The generation, its number and its counters stay.
 * Invariant: only what drifted is touched. Without an artifact only what bpffs alone can tell is repaired.
 */
import { closeSync, linkSync, renameSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Artifact } from '../../proto/artifact/format.ts'
import { coded } from '../coded-error.ts'
import { inspectInstance, unready } from '../condition.ts'
import { governCgroup } from '../governed-cgroup.ts'
import { type OpenInstance, readGeneration } from '../held-generation.ts'
import { holdBase } from '../hold-programs.ts'
import { openAllHeld } from '../load-object.ts'
import { renewLinks } from '../links.ts'
import { openPlace, type Place } from '../place.ts'
import { type GenerationRecord, readRecords, writeRecord } from '../record.ts'
import { attachRequestPrograms, heldRequestPrograms, holdRequestPrograms } from '../request-programs.ts'
import { withdrawShared } from '../shared-tables.ts'
import { arrayKeys, createMap, remove, u32, update, updateAll, updateWaiting } from '../sys/libbpf-map.ts'
import { openPin, pin } from '../sys/libbpf-pin.ts'
import { EPOCH_MAPS, innerShape, mapSpec } from '../table-shape.ts'
import { createUndo } from '../undo.ts'
import { type DriftReport, driftOf, isDrifted } from './drift.ts'
import { expectedTables } from './expected.ts'
import { programPin, type StructuralFault } from './structure.ts'

export interface RepairReport {
  readonly before: DriftReport
  readonly after: DriftReport
}

export async function repair(instance: string, artifact: Artifact | undefined): Promise<RepairReport> {
  const place = openPlace(instance)
  try {
    const condition = inspectInstance(place.pins)
    if (condition.kind !== 'ready') throw unready(instance, condition)
    const open: OpenInstance = { instance, pins: place.pins, tables: condition.tables }
    try {
      const before = driftOf(open, artifact)
      if (isDrifted(before)) await mend(place, open, artifact, before)
      return { before, after: isDrifted(before) ? driftOf(open, artifact) : before }
    } finally {
      condition.tables.close()
    }
  } finally {
    place.release()
  }
}

async function mend(place: Place, open: OpenInstance, artifact: Artifact | undefined, before: DriftReport): Promise<void> {
  const record = readRecords(open.tables).find(({ state }) => state === 'live') as GenerationRecord
  if (artifact !== undefined) {
    refuseVersions(open, record, before)
    const lost = before.faults.flatMap((fault) => (fault.kind === 'table' && fault.why === 'its pin is gone' ? [fault.map] : []))
    await renewTables(open, record, artifact, new Set([...before.tables.map(({ table }) => table), ...lost]))
    const { namesBytes } = expectedTables(open.pins, artifact)
    if (record.namesBytes !== namesBytes) writeRecord(open.tables, { ...record, namesBytes })
  }
  await showAgain(open, record, before.faults)
  placeAgain(open, record, before.faults)
  if (before.faults.some(({ kind }) => kind === 'link')) attachAgain(place, open, artifact)
}

/** A table that holds the versions of other kept generations cannot be made anew from one artifact. */
function refuseVersions({ tables, instance }: OpenInstance, { epoch, slot }: GenerationRecord, before: DriftReport): void {
  const others = readRecords(tables).filter((record) => record.epoch === epoch && record.slot !== slot)
  const touched = before.tables.map(({ table }) => table).find((table) => table === 'km_cluster' || table === 'km_endpoint')
  if (touched !== undefined && others.length > 0)
    throw coded(
      'KM9136',
      `${touched} of instance "${instance}" holds versions of generation ${others.map(({ generation }) => generation).join(', ')} as well`,
    )
}

/** Every epoch that has the table gets the new one. */
async function renewTables(open: OpenInstance, { epoch }: GenerationRecord, artifact: Artifact, names: ReadonlySet<string>): Promise<void> {
  const { pins, tables } = open
  for (const { map, keys, values } of expectedTables(pins, artifact).contents) {
    if (!names.has(map)) continue
    const own = join(pins.epoch(epoch), map)
    const file = statSync(own, { throwIfNoEntry: false })?.ino
    const sharing = readRecords(tables)
      .map((record) => record.epoch)
      .filter(
        (other) => other !== epoch && file !== undefined && statSync(join(pins.epoch(other), map), { throwIfNoEntry: false })?.ino === file,
      )
    if (file !== undefined) withdrawShared(pins, own)
    const shape = innerShape(mapSpec(map), values.length / (mapSpec(map).inner?.valueSize ?? 1))
    const fd = createMap(shape)
    try {
      const rows = values.length / shape.valueSize
      updateAll(fd, keys ?? arrayKeys(rows), values, rows)
      const fresh = `${own}_new`
      pin(fd, fresh)
      for (const other of [epoch, ...new Set(sharing)]) {
        await updateWaiting(tables.fd(map), u32(other), u32(fd))
        const path = join(pins.epoch(other), map)
        linkSync(fresh, `${path}_now`)
        renameSync(`${path}_now`, path)
      }
      unlinkSync(fresh)
    } finally {
      closeSync(fd)
    }
  }
}

/** Maps of maps follow the pins. */
async function showAgain({ pins, tables }: OpenInstance, { epoch }: GenerationRecord, faults: readonly StructuralFault[]): Promise<void> {
  for (const spec of EPOCH_MAPS) {
    const fault = faults.find((candidate) => candidate.kind === 'table' && candidate.map === spec.name)
    if (fault === undefined || fault.why === 'its pin is gone') continue
    const inner = openPin(join(pins.epoch(epoch), spec.name))
    try {
      await updateWaiting(tables.fd(spec.name), u32(epoch), u32(inner))
    } finally {
      closeSync(inner)
    }
  }
}

function placeAgain(open: OpenInstance, { programBase }: GenerationRecord, faults: readonly StructuralFault[]): void {
  const { units } = readGeneration(open).names
  for (const fault of faults) {
    if (fault.kind !== 'program' || fault.why === 'its pin is gone') continue
    const array = open.tables.fd(`km_program_${fault.hook}`)
    const path = programPin(open, units, fault.hook, fault.slot)
    if (path === undefined) {
      remove(array, u32(programBase + fault.slot))
      continue
    }
    const program = openPin(path)
    try {
      update(array, u32(programBase + fault.slot), u32(program))
    } finally {
      closeSync(program)
    }
  }
}

/** With the artifact's own base object, or the one that is pinned. */
function attachAgain(place: Place, { pins, tables }: OpenInstance, artifact: Artifact | undefined): void {
  const undo = createUndo()
  const held = artifact === undefined ? openAllHeld(pins.base) : [holdBase(pins, artifact, tables, undo)]
  const base = held[0]
  if (base === undefined) return
  try {
    renewLinks(pins, governCgroup(place, undefined, undo), base, undo)
    const requests = artifact === undefined ? heldRequestPrograms(pins) : holdRequestPrograms(pins, artifact, tables, undo)
    try {
      attachRequestPrograms(pins, tables, requests, undo)
    } finally {
      for (const object of requests) object.close()
    }
    undo.forget()
  } catch (error) {
    undo.run()
    throw error
  } finally {
    for (const object of held) object.close()
  }
}
