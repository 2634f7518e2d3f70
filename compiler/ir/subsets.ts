/**
 * Whom criteria choose in a cluster with subsets. In: its rules, criteria, the metadata of all of its endpoints. Out: whether an endpoint is among the chosen.
 * Invariant: which subsets exist depends on the endpoints alone, never on their health.
 * Source: Envoy's subset_lb.cc: a subset stands for exactly the keys of a selector; criteria that no subset has fall back, first as their selector says.
 */
import { type Criteria, valueText } from '../http/subset-criteria.ts'
import type { Labels, SubsetRules } from '../parse/resources.ts'

export type Chosen = (metadata: Labels | undefined) => boolean

export const ANYBODY: Chosen = () => true
const NOBODY: Chosen = () => false

export function chooseSubset(rules: SubsetRules, criteria: Criteria, endpoints: readonly (Labels | undefined)[]): Chosen {
  const has = (wanted: Criteria): Chosen => {
    return (metadata) => wanted.every(([key, text]) => metadata !== undefined && holds(metadata, key, text, rules))
  }
  const fallback = (kind: SubsetRules['fallback']): Chosen =>
    kind === 'any' ? ANYBODY : kind === 'none' ? NOBODY : has(rules.defaultSubset)
  if (criteria.length === 0) return fallback(rules.fallback)
  const keys = criteria.map(([key]) => key)
  const isSubset = rules.selectors.some((selector) => same(selector.keys, keys))
  if (isSubset && endpoints.some(has(criteria))) return has(criteria)
  const own = fallbackOf(rules, keys)
  if (own?.fallback === undefined) return fallback(rules.fallback)
  if (own.fallback !== 'keys') return fallback(own.fallback)
  const { fallbackKeys } = own
  return chooseSubset(
    rules,
    criteria.filter(([key]) => fallbackKeys.includes(key)),
    endpoints,
  )
}

function holds(metadata: Labels, key: string, text: string, { listAsAny }: SubsetRules): boolean {
  if (!Object.hasOwn(metadata, key)) return false
  const value = metadata[key]
  return listAsAny && Array.isArray(value) ? value.some((one) => valueText(one) === text) : valueText(value) === text
}

/** The selector with these keys that says what follows: the first; none where an earlier selector's keys begin with them. */
function fallbackOf({ selectors }: SubsetRules, keys: readonly string[]): SubsetRules['selectors'][number] | undefined {
  const first = selectors.find((selector) => same(selector.keys.slice(0, keys.length), keys))
  return first !== undefined && first.keys.length === keys.length ? first : undefined
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, index) => key === b[index])
}
