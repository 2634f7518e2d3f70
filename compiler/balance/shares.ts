/**
 * Adds up probabilities over tiers and groups, for the `eval` of the policies that walk lists. In: tiers and what a group does. Out: Shares.
 */
import type { Balance, Endpoint } from '../ir/program.ts'
import type { Shares } from './policy.ts'
import { spread } from './spread.ts'
import { type Group, tiersOf } from './tiers.ts'

/** Percent values `from <= h % 100 < upto` of the tier that a group is in. */
export interface Range {
  readonly from: number
  readonly upto: number
}

/** `within` gives the share of each endpoint of a group, by index, summing to 1; `range` is the tier's part of h % 100. */
export function sharesOf(balance: Balance, within: (group: Group, range: Range) => readonly number[]): Shares {
  const shares = new Map<Endpoint, number>()
  let refused = 0
  let from = 0
  for (const tier of tiersOf(balance)) {
    const range = { from, upto: tier.upto }
    from = tier.upto
    const part = tier.percent / 100
    if (tier.groups.length === 0) refused += part
    const sum = tier.groups.reduce((total, group) => total + group.weight, 0)
    for (const group of tier.groups) {
      for (const [index, share] of within(group, range).entries()) {
        const endpoint = group.endpoints[index] as Endpoint
        if (share > 0) shares.set(endpoint, (shares.get(endpoint) ?? 0) + (part * group.weight * share) / sum)
      }
    }
  }
  return { shares, refused: from === 0 ? 1 : refused }
}

/** Shares by the endpoints' own weights. */
export function byWeight({ endpoints }: Group): readonly number[] {
  const sum = endpoints.reduce((total, endpoint) => total + endpoint.weight, 0)
  return endpoints.map((endpoint) => endpoint.weight / sum)
}

/** The same share for each endpoint. */
export function alike({ endpoints }: Group): readonly number[] {
  return endpoints.map(() => 1 / endpoints.length)
}

/** The number of choices after which one cursor has met everybody by their share, where nothing but that cursor decides. */
export function cycleOf(balance: Balance, within: typeof byWeight | typeof alike): number | undefined {
  const tiers = tiersOf(balance)
  const only = tiers.length === 1 && tiers[0]?.groups.length === 1 ? tiers[0].groups[0] : undefined
  if (only === undefined) return undefined
  return within === alike ? only.endpoints.length : spread(only.endpoints.map((endpoint) => endpoint.weight)).total
}
