/**
 * Where a policy is told about localities and consistent hashing. In: the cluster (legacy) or a policy's own message. Out: flags.
 * Source: Envoy's LocalityLbConfig, ConsistentHashingLbConfig and Cluster.CommonLbConfig protos. The same fields of common_lb_config have no
 * effect when load_balancing_policy is set (Envoy refuses the combination).
 */
import type { Cursor } from '../input/cursor.ts'

export interface LocalityConfig {
  readonly localityWeighted: boolean
  readonly failTrafficOnPanic: boolean
}

const ZONE_AWARE =
  "zone aware routing needs the proxy's own zone and local_cluster_name, which a snapshot does not have; without them Envoy does not route by zone"

/** `message`: the LocalityLbConfig or CommonLbConfig, if any. */
export function readLocalityConfig(message: Cursor | undefined): LocalityConfig {
  const zoneAware = message?.message('zone_aware_lb_config')
  for (const field of zoneAware?.fields() ?? []) {
    if (field !== 'fail_traffic_on_panic') zoneAware?.mark(field, 'ignored-safe', ZONE_AWARE)
  }
  return {
    localityWeighted: message?.message('locality_weighted_lb_config') !== undefined,
    failTrafficOnPanic: zoneAware?.boolean('fail_traffic_on_panic') ?? false,
  }
}

export interface HashingConfig {
  readonly useHostnameForHashing: boolean
  /** why the kernel cannot do it, or undefined */
  readonly unsupported: string | undefined
}

/** `message`: the ConsistentHashingLbConfig of either API, or a RingHash message with the deprecated fields of the same names. */
export function readHashingConfig(message: Cursor | undefined): HashingConfig {
  const useHostnameForHashing = message?.boolean('use_hostname_for_hashing') ?? false
  const balanced = message !== undefined && (message.number('hash_balance_factor') ?? 0) > 0
  if (balanced) message.mark('hash_balance_factor', 'diverted', 'bounded load')
  const policies = message?.fields().includes('hash_policy') === true
  if (policies) message.mark('hash_policy', 'diverted', 'a hash policy of the load balancer itself')
  return {
    useHostnameForHashing,
    unsupported: balanced ? 'hash_balance_factor (bounded load)' : policies ? 'hash_policy in the load balancing policy' : undefined,
  }
}
