/**
 * `confirm`: a generation that waits stays. In: an instance; out: which one. Too late is too late: it is taken back then, as the process that applied it may have died.
 */
import type { ApplyHost } from './apply-request.ts'
import { CodedError, coded } from './coded-error.ts'
import { isOverdue, notConfirmed, pending, settleConfirmation } from './confirmation.ts'
import { takeBack } from './go-back.ts'
import { findPlace, openPlace, type Place } from './place.ts'
import { recordDigest } from './record.ts'
import { openRecordTables } from './record-tables.ts'

export interface ConfirmReport {
  readonly instance: string
  readonly generation: number
  /** "sha256:..." */
  readonly artifact: string
}

export function confirm(instance: string, host: Pick<ApplyHost, 'releaseSockets'>): ConfirmReport {
  const place = openPlace(instance)
  try {
    const tables = openRecordTables(place.pins)
    if (tables === null) throw coded('KM9123', `instance "${instance}" has no generation in force`)
    try {
      const waiting = pending(tables)
      if (waiting === undefined) throw coded('KM9132', `nothing waits to be confirmed in instance "${instance}"`)
      if (isOverdue(waiting)) throw new CodedError([{ ...notConfirmed(waiting, takeBack(place.pins, tables, host)), severity: 'error' }])
      settleConfirmation(tables, waiting)
      return { instance, generation: Number(waiting.generation), artifact: recordDigest(waiting) }
    } finally {
      tables.close()
    }
  } finally {
    place.release()
  }
}

/**
 * Takes a generation back whose time is over. For whoever looks at an instance again and again: it costs two look-ups where nothing waits. Gives what to say, or nothing. Somebody
 * else who works on the instance meanwhile will do it.
 */
export function takeBackOverdue(
  instance: string,
  tables: Parameters<typeof pending>[0],
  host: Pick<ApplyHost, 'releaseSockets'>,
): string | undefined {
  const seen = pending(tables)
  if (seen === undefined || !isOverdue(seen)) return undefined
  const place = unlessTaken(() => findPlace(instance))
  if (place === null) return undefined
  try {
    const waiting = pending(tables)
    return waiting === undefined || !isOverdue(waiting) ? undefined : notConfirmed(waiting, takeBack(place.pins, tables, host)).message
  } finally {
    place.release()
  }
}

function unlessTaken(open: () => Place | null): Place | null {
  try {
    return open()
  } catch (error) {
    if (error instanceof CodedError && error.findings.every(({ code }) => code === 'KM9101')) return null
    throw error
  }
}
