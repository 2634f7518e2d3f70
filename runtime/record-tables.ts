/**
 * The two maps that say what is in force, without the others. In: pins; out: their descriptors, or null when one of the pins is missing.
 */
import { refuseOtherLayouts } from './condition.ts'
import type { Pins } from './pins.ts'
import { openMaps, type Tables } from './tables.ts'

/** Throws KM9108 when the tables have other layouts. */
export function openRecordTables(pins: Pins): Omit<Tables, 'descriptors'> | null {
  refuseOtherLayouts(pins)
  return openMaps(pins, ['km_generation', 'km_record'])
}
