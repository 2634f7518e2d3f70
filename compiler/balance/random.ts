/**
 * RANDOM: any endpoint of the list, whatever its weight (Envoy's random_lb.cc takes host number h % hosts). The same h has picked the tier by
 * h % 100, so with several tiers the endpoints of one are not met exactly equally often, and the shares say so.
 */
import { listTiers } from './list-layout.ts'
import { readLocalityConfig } from './locality-config.ts'
import type { BalancePolicy } from './policy.ts'
import { type Range, sharesOf } from './shares.ts'
import { gcd } from './spread.ts'

export const random: BalancePolicy<'RANDOM'> = {
  kind: 'RANDOM',
  type: 'envoy.extensions.load_balancing_policies.random.v3.Random',
  readLegacy: (cluster) => ({
    policy: { name: 'RANDOM' },
    ...readLocalityConfig(cluster.message('common_lb_config')),
    useHostnameForHashing: false,
  }),
  readTyped: (config) => ({
    policy: { name: 'RANDOM' },
    ...readLocalityConfig(config.message('locality_lb_config')),
    useHostnameForHashing: false,
  }),
  eval: (_, balance) => sharesOf(balance, (group, range) => residues(group.endpoints.length, range)),
  lower: (_, balance) => ({ tiers: listTiers(balance, 'equal'), cursors: false, choiceCount: 0, flags: 0 }),
}

/** The probability of h % count = index for each index, given that h % 100 is in the range. */
function residues(count: number, { from, upto }: Range): readonly number[] {
  const common = gcd(count, 100)
  const hits = new Array<number>(common).fill(0)
  for (let percent = from; percent < upto; percent++) hits[percent % common] = (hits[percent % common] as number) + 1
  return Array.from({ length: count }, (_, index) => ((hits[index % common] as number) / (upto - from)) * (common / count))
}
