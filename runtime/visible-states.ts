/**
 * Which rows of km_state can be called by a name: those of owners that some kept generation shows. In: an instance's pins and records; out: state ids. The names are in the kernel, with each generation
 * (km_names, and the addresses in km_endpoint); what none of them shows has counts, and nobody knows whose.
 */
import { NAMES_CHUNK } from '../proto/abi.ts'
import { endpointStates } from './departed.ts'
import { readTable } from './epoch.ts'
import { type HeldNames, unpackNames } from './names.ts'
import type { Pins } from './pins.ts'
import type { GenerationRecord } from './record.ts'
import { endpointTables } from './turn.ts'

/** Of generations that are in force or were. */
export function shownRecords(records: readonly GenerationRecord[]): readonly GenerationRecord[] {
  return records.filter(({ state }) => state === 'live' || state === 'retained' || state === 'abandoned')
}

export function visibleStates(pins: Pins, records: readonly GenerationRecord[]): ReadonlySet<number> {
  const visible = new Set<number>()
  for (const record of shownRecords(records)) {
    const { listeners, clusters, services } = namesOf(pins, record)
    for (const { state } of listeners) visible.add(state)
    for (const { state } of clusters) visible.add(state)
    for (const { routes } of services) for (const { state } of routes) visible.add(state)
    for (const state of endpointStates(endpointTables(pins, record))) visible.add(state)
  }
  return visible
}

export function namesOf(pins: Pins, { epoch, namesBytes }: GenerationRecord): HeldNames {
  return unpackNames(readTable(pins, epoch, 'km_names', NAMES_CHUNK).subarray(0, namesBytes))
}
