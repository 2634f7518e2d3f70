/**
 * Clears away what is not needed: generations beyond those that are kept, those that a rollback went behind, and what commands that were cut off left. In: an instance; out: what went.
 * Invariant: the generation in force is not touched, and one that waits to be confirmed keeps the one before it.
 */
import type { ApplyHost } from './apply-request.ts'
import { coded } from './coded-error.ts'
import { inspectInstance, unready } from './condition.ts'
import { waitGracePeriod } from './epoch.ts'
import { clearAway, clearUnused, splitKept } from './generation.ts'
import { releaseDeparted } from './go-back.ts'
import { readKeep, writeKeep } from './keep.ts'
import { dropReplaced, dropUnusedBase } from './links.ts'
import { instanceMemory } from './memory.ts'
import { openPlace } from './place.ts'
import { readRecords, recordDigest, writeRecord } from './record.ts'
import { dropServices } from './serve/kept-services.ts'

export interface GcRequest {
  readonly instance: string
  /** generations that stay for a way back, from now on */
  readonly keep?: number
  readonly host: Pick<ApplyHost, 'releaseSockets'>
}

export interface GcReport {
  readonly instance: string
  readonly keep: number
  /** numbers of the generations that went */
  readonly dropped: readonly number[]
  readonly kept: readonly number[]
  /** bytes of tables that the kernel has less */
  readonly freed: number
}

export async function gc({ instance, keep, host }: GcRequest): Promise<GcReport> {
  const place = openPlace(instance)
  try {
    const condition = inspectInstance(place.pins)
    if (condition.kind !== 'ready') throw unready(instance, condition)
    const { pins } = place
    const { tables } = condition
    try {
      if (keep !== undefined) writeKeep(pins, keep)
      const before = instanceMemory(pins).tables
      const records = readRecords(tables)
      const live = records.find(({ state }) => state === 'live')
      if (live === undefined) throw coded('KM9123', `instance "${instance}" has no generation in force`)
      releaseDeparted(pins, tables, live, host)
      const candidates = records.filter(({ state }) => state !== 'abandoned')
      const { kept } = splitKept(candidates, Math.max(readKeep(pins), live.confirmBy === 0 ? 0 : 1))
      const dropped = records.filter((record) => !kept.includes(record))
      for (const record of dropped) writeRecord(tables, { ...record, state: 'draining' })
      await waitGracePeriod(pins, tables, live.epoch)
      await clearAway(pins, tables, kept, dropped)
      clearUnused(tables, kept)
      dropReplaced(pins)
      dropUnusedBase(pins)
      dropServices(instance, kept.map(recordDigest))
      const numbers = (list: typeof kept): number[] => list.map(({ generation }) => Number(generation)).sort((a, b) => b - a)
      return { instance, keep: readKeep(pins), dropped: numbers(dropped), kept: numbers(kept), freed: before - instanceMemory(pins).tables }
    } finally {
      tables.close()
    }
  } finally {
    place.release()
  }
}
