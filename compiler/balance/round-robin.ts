/**
 * ROUND_ROBIN: each list is walked by one cursor that all CPUs share, weighted by the endpoints' weights.
 * Envoy walks equal weights in order and others by an earliest-deadline schedule, each worker on its own; the shares are the same.
 */
import { alike, byWeight, cycleOf, sharesOf } from './shares.ts'
import { listTiers } from './list-layout.ts'
import { readLocalityConfig } from './locality-config.ts'
import type { BalancePolicy } from './policy.ts'
import { readSlowStart } from './slow-start.ts'

export const roundRobin: BalancePolicy<'ROUND_ROBIN'> = {
  kind: 'ROUND_ROBIN',
  type: 'envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin',
  readLegacy: (cluster, diag) => {
    readSlowStart(cluster.message('round_robin_lb_config'), diag)
    return { policy: { name: 'ROUND_ROBIN' }, ...readLocalityConfig(cluster.message('common_lb_config')), useHostnameForHashing: false }
  },
  readTyped: (config, diag) => {
    readSlowStart(config, diag)
    return { policy: { name: 'ROUND_ROBIN' }, ...readLocalityConfig(config.message('locality_lb_config')), useHostnameForHashing: false }
  },
  eval: ({ equalWeights }, balance) => {
    const within = equalWeights ? alike : byWeight
    const cycle = cycleOf(balance, within)
    return { ...sharesOf(balance, within), ...(cycle === undefined ? {} : { even: { cycle } }) }
  },
  lower: ({ equalWeights }, balance) => ({
    tiers: listTiers(balance, equalWeights ? 'equal' : 'own'),
    cursors: true,
    choiceCount: 0,
    flags: 0,
  }),
}
