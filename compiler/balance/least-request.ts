/**
 * LEAST_REQUEST. In each list: with equal weights, of choice_count endpoints drawn at random the one with the fewest live connections (the first
 * of equals), or of all with a full scan; else a choice in proportion to weight / (active + 1)^active_request_bias, for which Envoy has a
 * schedule and the kernel a draw. Live connections are counted by the kernel over the node's cgroup, by Envoy over one worker's proxy.
 * `eval` gives the shares when no endpoint is busier than another. Source: Envoy's least_request_lb.cc (1.40).
 */
import { CLUSTER_FULL_SCAN } from '../../proto/abi.ts'
import type { Cursor } from '../input/cursor.ts'
import type { Balance } from '../ir/program.ts'
import { listTiers } from './list-layout.ts'
import { readLocalityConfig } from './locality-config.ts'
import type { BalancePolicy, LayoutGroup, PolicyOf, RuntimeNumber } from './policy.ts'
import { byWeight, sharesOf } from './shares.ts'
import { readSlowStart } from './slow-start.ts'

/** proto/abi.ts km_slots */
export const FACTORS = 256
const EXACT = 128
const ONE = 2 ** 31

export const leastRequest: BalancePolicy<'LEAST_REQUEST'> = {
  kind: 'LEAST_REQUEST',
  type: 'envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest',
  readLegacy: (cluster, diag, runtime) => {
    const config = cluster.message('least_request_lb_config')
    readSlowStart(config, diag)
    return { policy: readPolicy(config, runtime), ...readLocalityConfig(cluster.message('common_lb_config')), useHostnameForHashing: false }
  },
  readTyped: (config, diag, runtime) => {
    readSlowStart(config, diag)
    return {
      policy: readPolicy(config, runtime),
      ...readLocalityConfig(config.message('locality_lb_config')),
      useHostnameForHashing: false,
    }
  },
  eval: (_, balance) => sharesOf(balance, byWeight),
  lower: (policy, balance) => ({
    tiers: listTiers(balance, 'own'),
    cursors: false,
    choiceCount: policy.choiceCount,
    flags: policy.fullScan ? CLUSTER_FULL_SCAN : 0,
    ...(weighted(balance) ? { factors: factorsOf(policy.activeRequestBias) } : {}),
  }),
}

function readPolicy(config: Cursor | undefined, runtime: RuntimeNumber): PolicyOf<'LEAST_REQUEST'> {
  const bias = config?.message('active_request_bias')
  const value = bias === undefined ? 1 : biasOf(bias, runtime)
  const typed = config?.type === leastRequest.type
  return {
    name: 'LEAST_REQUEST',
    choiceCount: config?.number('choice_count') ?? 2,
    // Envoy logs a warning and takes 1 for what is not a number or negative
    activeRequestBias: value >= 0 ? value : 1,
    fullScan: typed && fullScan(config),
  }
}

/** A RuntimeDouble: what the runtime has under its key counts, else its default. */
function biasOf(bias: Cursor, runtime: RuntimeNumber): number {
  const set = runtime(bias.string('runtime_key') ?? '')
  if (set !== undefined) return set
  bias.mark('runtime_key', 'ignored-safe', 'a key that no static runtime layer of the snapshot sets: the default value counts')
  return bias.number('default_value') ?? 0
}

/** enable_full_scan came first, selection_method replaced it; Envoy 1.40 reads only the latter. */
function fullScan(config: Cursor): boolean {
  config.mark('enable_full_scan', 'ignored-safe', 'Envoy reads selection_method instead')
  return config.enum('selection_method') === 'FULL_SCAN'
}

/** Some list has endpoints of different weight. */
function weighted(balance: Balance): boolean {
  return listTiers(balance, 'own').some((tier) => tier.groups.some(differ))
}

function differ({ weights = [] }: LayoutGroup): boolean {
  return weights.some((weight) => weight !== weights[0])
}

/** The factor of each slot: max(1, round(2^31 / (active + 1)^bias)) with the middle of the slot's values. */
export function factorsOf(bias: number): Uint32Array {
  const known = factors.get(bias)
  if (known !== undefined) return known
  const made = Uint32Array.from({ length: FACTORS }, (_, slot) => Math.max(1, Math.round(ONE / (middleOf(slot) + 1) ** bias)))
  factors.set(bias, made)
  return made
}

/** Nearly every cluster has the same bias. */
const factors = new Map<number, Uint32Array>()

/** Where the factor of `active` live connections is; the kernel has the same. */
export function slotOf(active: number): number {
  if (active < EXACT) return active
  const octave = Math.floor(Math.log2(active))
  return Math.min(FACTORS - 1, EXACT + (octave - 7) * 8 + (Math.floor(active / 2 ** (octave - 3)) & 7))
}

function middleOf(slot: number): number {
  if (slot < EXACT) return slot
  const octave = 7 + Math.floor((slot - EXACT) / 8)
  const width = 2 ** (octave - 3)
  return (8 + ((slot - EXACT) % 8)) * width + (width - 1) / 2
}
