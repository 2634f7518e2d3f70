/**
 * Criteria that choose a subset of a cluster's endpoints: filter_metadata "envoy.lb" of a metadata_match. In: its cursor. Out: keys with their values.
 * Invariant: keys ascend and stand once; a value is its JSON with sorted keys, so that equal values are equal texts. No criteria: an empty list.
 * Source: Envoy's router/metadatamatchcriteria_impl.cc.
 */
import type { Cursor } from '../input/cursor.ts'

export type Criteria = readonly (readonly [key: string, value: string])[]

export const NO_CRITERIA: Criteria = []
const FILTER = 'envoy.lb'

/** `at`: an envoy.config.core.v3.Metadata */
export function readCriteria(at: Cursor | undefined): Criteria {
  at?.mark('typed_filter_metadata', 'equivalent', 'criteria are in filter_metadata')
  for (const [name, value] of at?.entries('filter_metadata') ?? []) if (name === FILTER) return criteriaOf(value)
  return NO_CRITERIA
}

/** `value`: a google.protobuf.Struct as plain JSON */
export function criteriaOf(value: unknown): Criteria {
  if (typeof value !== 'object' || value === null) return NO_CRITERIA
  return sorted(Object.entries(value).map(([key, held]) => [key, valueText(held)] as const))
}

/** A weighted cluster's own criteria, and those of its route that it does not name. */
export function mergeCriteria(route: Criteria, own: Criteria): Criteria {
  if (own.length === 0) return route
  return sorted([...new Map([...route, ...own])])
}

export function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  return `{${sorted(Object.entries(value).map(([key, held]) => [key, valueText(held)] as const))
    .map(([key, text]) => `${JSON.stringify(key)}:${text}`)
    .join()}}`
}

/** For people, and part of names: {"version":"v1"}. */
export function criteriaText(criteria: Criteria): string {
  return `{${criteria.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join()}}`
}

function sorted(criteria: Criteria): Criteria {
  return [...criteria].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}
