/**
 * `rollback`: what was in force before is again, with one write. In: an instance, perhaps the number of a kept generation; out: a report. From the first to the last system call it is
 * lock, records, notes, switch: tables and programs of kept generations are all there.
 */
import type { ApplyHost } from './apply-request.ts'
import { coded, type Finding } from './coded-error.ts'
import { inspectInstance } from './condition.ts'
import { findTarget, goTo, releaseDeparted } from './go-back.ts'
import { openPlace, type Place } from './place.ts'
import { type GenerationRecord, readRecords, recordDigest } from './record.ts'
import { openRecordTables } from './record-tables.ts'
import { noteResultAt } from './runtime-counts.ts'

export interface RollbackRequest {
  readonly instance: string
  /** number of a generation; default: the newest before the one in force */
  readonly to?: number
  readonly host: Pick<ApplyHost, 'releaseSockets'>
  /** called before each step; an exception is a failure there */
  readonly steps?: (step: RollbackStep) => void
}

export const ROLLBACK_STEPS = ['place', 'records', 'switch', 'settle'] as const
export type RollbackStep = (typeof ROLLBACK_STEPS)[number]

export interface RollbackReport {
  readonly instance: string
  readonly generation: number
  /** "sha256:..." */
  readonly artifact: string
  readonly previous: { readonly generation: number; readonly artifact: string }
  /** UDP sockets that were released from endpoints which the generation does not have */
  readonly released: number
  /** milliseconds from the lock to the switch, and with what comes after it */
  readonly times: { readonly switch: number; readonly total: number }
  readonly warnings: readonly Finding[]
}

export function rollback({ instance, to, host, steps }: RollbackRequest): RollbackReport {
  const start = performance.now()
  steps?.('place')
  const place = openPlace(instance)
  try {
    steps?.('records')
    const tables = openRecordTables(place.pins)
    if (tables === null) throw unreadable(place)
    try {
      const records = readRecords(tables)
      const live = records.find(({ state }) => state === 'live')
      if (live === undefined) throw coded('KM9123', `instance "${instance}" has no generation in force`)
      const target = findTarget(place.pins, records, to)
      steps?.('switch')
      goTo(tables, target)
      const switched = performance.now() - start
      noteResultAt(place.pins, 'rollback_applied')
      steps?.('settle')
      const { released, warnings } = releaseDeparted(place.pins, tables, target, host)
      const times = { switch: switched, total: performance.now() - start }
      return { instance, ...summary(target), previous: summary(live), released, times, warnings }
    } finally {
      tables.close()
    }
  } finally {
    place.release()
  }
}

function summary(record: GenerationRecord): { readonly generation: number; readonly artifact: string } {
  return { generation: Number(record.generation), artifact: recordDigest(record) }
}

/** Says what is wrong with an instance whose records cannot be reached. */
function unreadable({ pins, instance }: Place): Error {
  const condition = inspectInstance(pins)
  if (condition.kind === 'ready') condition.tables.close()
  return condition.kind === 'damaged'
    ? coded('KM9107', `instance "${instance}" misses ${condition.missing}`)
    : coded('KM9123', `instance "${instance}" has no generation in force`)
}
