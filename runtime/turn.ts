/**
 * What a change of the generation in force means to sockets that stick to an endpoint. In: the generation in force and those that were taken out of force and not settled;
 * out: UDP endpoints that left. Connected TCP connections stay where they are, whatever comes into force.
 * Unconnected UDP sockets are told here, connected ones are for the caller to release (pitfall 21).
 */
import { cluster as clusterLayout, RECORD_HAS_UDP, RECORD_UNSETTLED, ROW_SIZE } from '../proto/abi.ts'
import { type DepartedEndpoint, departedEndpoints, type EndpointTables, endpointStates } from './departed.ts'
import { readTable } from './epoch.ts'
import type { Pins } from './pins.ts'
import { type GenerationRecord, isUnsettled, readRecords, type RecordTables, switchTo, withFlag, writeRecord } from './record.ts'
import { markDepartures } from './state-shards.ts'

/**
 * Brings a generation into force that is whole: notes on the one that goes, then the one write. The records of generations that a rollback went behind are told
 * so before, as afterwards their numbers no longer show it.
 */
export function turnTo(tables: RecordTables, record: GenerationRecord): void {
  const records = readRecords(tables)
  for (const old of records) {
    if (old.slot === record.slot) continue
    if (old.state === 'abandoned') writeRecord(tables, old)
    if (old.state !== 'live') continue
    const noted: GenerationRecord = { ...old, state: old.generation < record.generation ? 'retained' : 'abandoned', confirmBy: 0 }
    // TCP connections stay where they are: nobody has to be told
    writeRecord(tables, (old.flags & RECORD_HAS_UDP) === 0 ? noted : withFlag(noted, RECORD_UNSETTLED, 'set'))
  }
  switchTo(tables, record.slot)
}

/** Endpoints that UDP sockets must leave, of all generations that were taken out of force and not settled. */
export function departures(pins: Pins, tables: RecordTables, now: GenerationRecord): readonly DepartedEndpoint[] {
  const earlier = readRecords(tables).filter((record) => isUnsettled(record) && (record.flags & RECORD_HAS_UDP) !== 0)
  if (earlier.length === 0) return []
  const current = endpointTables(pins, now)
  const old = earlier.map((record) => endpointTables(pins, record))
  const staying = endpointStates(current)
  const left = new Set(old.flatMap((before) => [...endpointStates(before)]).filter((id) => !staying.has(id)))
  markDepartures(pins, staying, left)
  return old.flatMap((before) => departedEndpoints(before, current))
}

/** Last of all, so that a command after one that was cut off knows what is still to be done. */
export function markSettled(tables: RecordTables): void {
  for (const record of readRecords(tables)) if (isUnsettled(record)) writeRecord(tables, withFlag(record, RECORD_UNSETTLED, 'clear'))
}

export function endpointTables(pins: Pins, { epoch, generation }: GenerationRecord): EndpointTables {
  return {
    cluster: readTable(pins, epoch, 'km_cluster', clusterLayout.size),
    endpoint: readTable(pins, epoch, 'km_endpoint', ROW_SIZE),
    generation,
  }
}
