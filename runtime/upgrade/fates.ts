/**
 * What becomes of each map when a runtime with other layouts takes an instance over. In: the layouts of the instance, ours. Out: a fate for each of our maps, and what is told of it. Pure.
 *
 *   shared   the same map, with everything in it: its layout is the same
 *   moved    a new map with the rows of the old one, field by field
 *   anew     a new and empty one: it is made from the artifact, or nothing in it outlives a generation
 *   lost     a new and empty one, and what the old one held is missed
 *
 * Invariant: what decides (generations, epochs, programs) is always made anew, so that no program of one runtime ever works on rows of the other.
 */
import type { LayoutsDocument, MapLayout } from '../../proto/map-layouts.ts'
import { mapDigest } from '../../proto/map-layouts.ts'
import { fieldsLost, fieldsNew, type RowForm } from './move-rows.ts'

export type Fate = 'shared' | 'moved' | 'anew' | 'lost'

/** Counters by state id, and by owner. */
const COUNTERS = ['km_failure', 'km_tally'] as const
/** What programs know of sockets: all of it, or the sockets that are open are strangers. */
const SOCKETS = ['km_seats', 'km_sockets', 'km_flows'] as const

export interface Fates {
  readonly of: ReadonlyMap<string, Fate>
  /** do the new programs know the sockets that the old ones decided? */
  readonly sockets: 'known' | 'strangers'
}

export function fatesOf(held: LayoutsDocument, ours: LayoutsDocument): Fates {
  const same = (name: string): boolean => mapDigest(held, name) === mapDigest(ours, name)
  const ids = movable(held.maps.km_state, ours.maps.km_state) ? 'stay' : 'lost'
  // sockets name what they hold by state id
  const sockets = ids === 'stay' && SOCKETS.every(same) ? 'known' : 'strangers'
  const fate = (name: string): Fate => {
    if (name === 'km_state') return ids === 'lost' ? 'lost' : same(name) && sockets === 'known' ? 'shared' : 'moved'
    if (COUNTERS.some((one) => one === name)) return ids === 'stay' && same(name) ? 'shared' : 'lost'
    if (SOCKETS.some((one) => one === name)) return sockets === 'known' ? 'shared' : 'lost'
    return 'anew'
  }
  return { of: new Map(Object.keys(ours.maps).map((name) => [name, fate(name)])), sockets }
}

/** State rows stand at their ids, shard by shard; other rows would have to be found anew. */
function movable(held: MapLayout | undefined, ours: MapLayout | undefined): boolean {
  return (
    held?.value !== undefined &&
    ours?.value !== undefined &&
    held.inner?.entries !== undefined &&
    held.inner.entries === ours.inner?.entries
  )
}

/** Of a map with rows in an inner table. */
export function innerForm({ inner, value = [] }: MapLayout): RowForm {
  return { size: inner?.valueSize ?? 0, fields: value }
}

/** In the words of a plan: what comes along and what does not. `live`: connections that are open. */
export function fateText(held: LayoutsDocument, ours: LayoutsDocument, fates: Fates, live: number): string {
  const of = (wanted: Fate): string[] => [...fates.of].filter(([, fate]) => fate === wanted).map(([name]) => name)
  const moved = of('moved').map((name) => {
    const [from, to] = [innerForm(held.maps[name] as MapLayout), innerForm(ours.maps[name] as MapLayout)]
    const [lost, added] = [fieldsLost(from, to), fieldsNew(from, to)]
    const changes = [...added.map((field) => `+${field}`), ...lost.map((field) => `-${field}`)]
    return `${name}${changes.length === 0 ? '' : ` (${changes.join(' ')})`}`
  })
  const parts = [
    ...(of('shared').length === 0 ? [] : [`${of('shared').join(', ')} stay`]),
    ...(moved.length === 0 ? [] : [`rows of ${moved.join(', ')} are moved`]),
    ...(of('lost').length === 0 ? [] : [`what ${of('lost').join(', ')} held is lost`]),
    ...(fates.sockets === 'known' || live === 0 ? [] : [`${live} open connections go on and no longer count under max_connections`]),
  ]
  return parts.join('; ')
}
