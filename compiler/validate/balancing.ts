/**
 * How a cluster balances. Envoy refuses CLUSTER_PROVIDED where the cluster's type provides nothing, a type that provides its own where another policy is asked
 * for, and a list of policies of which it has none (tried).
 */
import type { Cursor } from '../input/cursor.ts'
import { isOfOtherBuilds } from './extension-points.ts'
import { EXTENSION_TYPES } from './extension-types.ts'
import type { Rule } from './rule.ts'

const PROVIDED = 'envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided'
const SUBSET = 'envoy.extensions.load_balancing_policies.subset.v3.Subset'
const ORIGINAL_DST = 'ORIGINAL_DST'
/** cluster types that balance by themselves */
const PROVIDING: ReadonlySet<string> = new Set([
  'envoy.extensions.clusters.aggregate.v3.ClusterConfig',
  'envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig',
])

export const balancing: Rule = {
  types: ['envoy.config.cluster.v3.Cluster'],
  check(at, context) {
    const policies = at.message('load_balancing_policy')
    const chosen = policies === undefined ? at.enum('lb_policy') : typesOf(policies).find((type) => KNOWN.has(type))
    const asked = chosen === 'CLUSTER_PROVIDED' || chosen === PROVIDED
    const provides = PROVIDING.has(at.message('cluster_type')?.any('typed_config')?.type ?? '')
    if (!asked && provides)
      context.refuse(
        'KM2117',
        at.at(policies === undefined ? 'lb_policy' : 'load_balancing_policy'),
        'a cluster of this type balances by itself and takes no other policy',
        'use lb_policy CLUSTER_PROVIDED',
      )
    const builtIn = at.oneof('cluster_discovery_type') !== 'cluster_type'
    if (asked && builtIn && at.enum('type') !== ORIGINAL_DST)
      context.refuse(
        'KM2117',
        at.at(policies === undefined ? 'lb_policy' : 'load_balancing_policy'),
        `a cluster of type ${at.enum('type') ?? 'STATIC'} provides no load balancing of its own`,
      )
  },
}

const KNOWN: ReadonlySet<string> = EXTENSION_TYPES.load_balancing_policies

/** Policies inside of policies: of each list Envoy takes the first that it has. A cluster's own list is read where balancing is (balance/read.ts). */
export const policyLists: Rule = {
  types: ['envoy.config.cluster.v3.LoadBalancingPolicy', SUBSET],
  check(at, context) {
    if (at.type === SUBSET) {
      if (!at.has('subset_lb_policy')) context.refuseUnlessLoaded('KM1405', at.path, 'a policy of subsets needs a subset_lb_policy')
      return
    }
    const types = typesOf(at)
    if (types.some((type) => KNOWN.has(type))) return
    if (types.some(isOfOtherBuilds)) context.warn('KM2116', at.path, 'none of the policies is in the standard build of Envoy')
    else if (at.path.includes('.typed_config.')) context.refuseUnlessLoaded('KM1405', at.path, 'Envoy has none of the policies in the list')
  },
}

const HASHING = ['ring_hash.v3.RingHash', 'maglev.v3.Maglev'].map((type) => `envoy.extensions.load_balancing_policies.${type}`)
const OVERRIDE_SOURCE = 'envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost.OverrideHostSource'

/** Envoy reads most policies without the rules of the API, and refuses these when it makes them (tried). */
export const policySettings: Rule = {
  types: [...HASHING, OVERRIDE_SOURCE],
  check(at, context) {
    if (at.type === OVERRIDE_SOURCE) {
      if ((at.string('header') ?? '') === '' && !at.has('metadata'))
        context.refuseUnlessLoaded('KM1111', at.path, 'a source of an overriding host needs a header or metadata')
      return
    }
    for (const policy of at.message('consistent_hashing_lb_config')?.messages('hash_policy') ?? [])
      if (policy.oneof('policy_specifier') === undefined)
        context.refuseUnlessLoaded('KM1111', policy.path, 'the hash policy has nothing to hash')
  },
}

function typesOf(policies: Cursor): readonly string[] {
  return policies.messages('policies').map((policy) => policy.message('typed_extension_config')?.any('typed_config')?.type ?? '')
}
