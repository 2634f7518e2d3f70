/**
 * What a process that will make deltas does beforehand: it looks up who has which row of km_state, of which an instance may have a hundred thousand, and keeps V8's threads from interrupting a delta. In: an
 * instance; out: nothing; the first delta afterwards takes as long as any other. Invariant: under the lock, as rows that are being given away would be remembered wrongly; without it, or without an instance, nothing is looked up.
 */
import { findPlace } from '../place.ts'
import { nextNumber } from '../record.ts'
import { openRecordTables } from '../record-tables.ts'
import { letMainThreadRun } from '../sys/background-threads.ts'
import { mapInfo } from '../sys/libbpf-map.ts'
import { learnOwners } from './owners.ts'

/** For when there is time: it takes tens of milliseconds. Never throws. */
export function readyForDeltas(instance: string): void {
  try {
    letMainThreadRun()
    const place = findPlace(instance)
    if (place === null) return
    try {
      const tables = openRecordTables(place.pins)
      if (tables === null) return
      try {
        learnOwners({ pins: place.pins, instance: mapInfo(tables.fd('km_generation')).id, latest: nextNumber(tables) - 1n })
      } finally {
        tables.close()
      }
    } finally {
      place.release()
    }
  } catch {
    // another runtime is at work, or the instance is none of ours: then the delta looks it up, or says what is wrong
  }
}
