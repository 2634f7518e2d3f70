/**
 * Brings a generation that is kept into force again, with one write. In: an instance, and which one; out: what was in force, what is. Sockets that stick to endpoints that the
 * other one does not have are told afterwards, which costs the switch nothing. Established connections stay as they are.
 * Invariant: what is gone back to is whole: it was in force before, and nothing of it was touched since.
 */
import { existsSync } from 'node:fs'
import type { ApplyHost } from './apply-request.ts'
import { clearInstance } from './clear.ts'
import { coded, type Finding, warning } from './coded-error.ts'
import { recordedCgroup } from './governed-cgroup.ts'
import { newestFirst } from './generation.ts'
import type { Pins } from './pins.ts'
import { type GenerationRecord, readRecords, type RecordTables, writeRecord } from './record.ts'
import { departures, markSettled, turnTo } from './turn.ts'

/** The generation to go to: the newest before the one in force, or the one of this number. Throws KM9127. */
export function findTarget(pins: Pins, records: readonly GenerationRecord[], to: number | undefined): GenerationRecord {
  const others = records.filter(({ state, epoch }) => (state === 'retained' || state === 'abandoned') && existsSync(pins.epoch(epoch)))
  const target =
    to === undefined
      ? others.filter(({ state }) => state === 'retained').sort(newestFirst)[0]
      : others.find(({ generation }) => generation === BigInt(to))
  if (target !== undefined) return target
  const kept = others.sort(newestFirst).map(({ generation }) => generation)
  const live = records.find(({ state }) => state === 'live')
  if (to !== undefined && live?.generation === BigInt(to)) throw coded('KM9127', `generation ${to} is in force already`)
  throw coded(
    'KM9127',
    `${to === undefined ? 'no generation before it' : `generation ${to}`} is kept; ${kept.length === 0 ? 'there is none' : `there is ${kept.join(', ')}`}`,
  )
}

/** The switch. Those between, when it goes forward, are a way back again. */
export function goTo(tables: RecordTables, target: GenerationRecord): void {
  turnTo(tables, target)
  writeRecord(tables, { ...target, state: 'live', confirmBy: 0 })
  for (const record of readRecords(tables))
    if (record.state === 'abandoned' && record.generation < target.generation) writeRecord(tables, { ...record, state: 'retained' })
}

/** Sockets that have to leave. What goes wrong is a warning: the generation is in force. */
export function releaseDeparted(
  pins: Pins,
  tables: RecordTables,
  now: GenerationRecord,
  host: Pick<ApplyHost, 'releaseSockets'>,
): { readonly released: number; readonly warnings: readonly Finding[] } {
  try {
    const departed = departures(pins, tables, now)
    const cgroup = departed.length === 0 ? null : recordedCgroup(pins.cgroup)
    const result = cgroup === null ? { released: 0, warnings: [] } : host.releaseSockets(cgroup, departed)
    markSettled(tables)
    return result
  } catch (error) {
    return {
      released: 0,
      warnings: [warning('KM9122', `sockets after the switch: ${error instanceof Error ? error.message : String(error)}`)],
    }
  }
}

/** What was in force before is again: the number of that generation; 0: there was none, and the instance is out of the kernel. */
export function takeBack(pins: Pins, tables: RecordTables, host: Pick<ApplyHost, 'releaseSockets'>): number {
  const before = readRecords(tables)
    .filter(({ state }) => state === 'retained')
    .sort(newestFirst)[0]
  if (before === undefined) {
    clearInstance(pins)
    return 0
  }
  goTo(tables, before)
  releaseDeparted(pins, tables, before, host)
  return Number(before.generation)
}
