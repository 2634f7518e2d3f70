/** Tiers and groups as the rows need them, for the policies that walk lists. In: a Balance. Out: LayoutTiers with stable keys. */
import type { Balance } from '../ir/program.ts'
import type { LayoutTier } from './policy.ts'
import { tiersOf } from './tiers.ts'

/** `weights`: endpoints count by their own weight, or all the same. */
export function listTiers(balance: Balance, weights: 'own' | 'equal'): readonly LayoutTier[] {
  return tiersOf(balance).map(({ priority, source, upto, groups }) => ({
    key: `${priority}:${source}`,
    upto,
    groups: groups.map(({ name, weight, endpoints }) => ({
      key: name,
      weight,
      endpoints,
      ...(weights === 'own' ? { weights: endpoints.map((endpoint) => endpoint.weight) } : {}),
    })),
  }))
}
