/**
 * Cluster.lb_subset_config. In: the cursor of a cluster. Out: how criteria choose among its endpoints; undefined where there are no subsets; or what of it needs user space.
 * Source: Envoy's cluster.proto (LbSubsetConfig) and subset_lb.cc.
 */
import { criteriaOf } from '../http/subset-criteria.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'
import { clusterAccounts } from './accounts.ts'
import type { Divert, SubsetFallback, SubsetRules } from './resources.ts'

/** What another balancer inside would choose. */
const OTHERS = ['scale_locality_weight', 'panic_mode_any'] as const
const accountSubsets = clusterAccounts.for(
  'fallback_policy',
  'default_subset',
  'subset_selectors',
  'locality_weight_aware',
  'list_as_any',
  'metadata_fallback_policy',
  ...OTHERS,
)
const accountSelector = clusterAccounts.for('keys', 'fallback_policy', 'fallback_keys_subset', 'single_host_per_subset')

const FALLBACKS: Readonly<Record<string, SubsetFallback>> = { ANY_ENDPOINT: 'any', DEFAULT_SUBSET: 'default', NO_FALLBACK: 'none' }

export function readSubsets(cluster: Cursor, diag: Diagnostics): { readonly rules?: SubsetRules; readonly divert?: Divert } {
  const at = cluster.message('lb_subset_config')
  const written = at?.messages('subset_selectors') ?? []
  const selectors = written.filter((selector) => selector.strings('keys').length > 0)
  for (const selector of written)
    if (!selectors.includes(selector)) selector.markAll('equivalent', 'Envoy leaves out selectors without keys')
  if (at === undefined || selectors.length === 0) {
    cluster.mark('lb_subset_config', 'equivalent', 'without subset_selectors there are no subsets')
    return {}
  }
  const [divert] = [at, ...selectors].flatMap((message, index) => (index === 0 ? accountSubsets(message) : accountSelector(message)))
  if (divert !== undefined) {
    cluster.mark('lb_subset_config', 'diverted', divert.why)
    return { divert }
  }
  reportRefused(cluster, at, selectors, diag)
  const [why] = [
    ...OTHERS.filter((field) => at.boolean(field) === true),
    ...(at.enum('metadata_fallback_policy') === 'FALLBACK_LIST' ? ['metadata_fallback_policy'] : []),
    ...(selectors.some((selector) => selector.boolean('single_host_per_subset') === true) ? ['single_host_per_subset'] : []),
  ]
  if (why !== undefined) {
    cluster.mark('lb_subset_config', 'diverted', `subsets with ${why}`)
    return { divert: { path: cluster.at('lb_subset_config'), why: `lb_subset_config with ${why}` } }
  }
  return {
    rules: {
      fallback: FALLBACKS[at.enum('fallback_policy') ?? ''] ?? 'none',
      defaultSubset: criteriaOf(at.raw('default_subset')),
      selectors: selectors.map((selector) => ({
        keys: [...new Set(selector.strings('keys'))].sort(),
        fallback: selector.enum('fallback_policy') === 'KEYS_SUBSET' ? 'keys' : FALLBACKS[selector.enum('fallback_policy') ?? ''],
        fallbackKeys: selector.strings('fallback_keys_subset'),
      })),
      localityWeightAware: at.boolean('locality_weight_aware') ?? false,
      listAsAny: at.boolean('list_as_any') ?? false,
    },
  }
}

/** What Envoy refuses at load. */
function reportRefused(cluster: Cursor, at: Cursor, selectors: readonly Cursor[], diag: Diagnostics): void {
  const refuse = (path: string, message: string): void =>
    diag.report({ code: 'KM1407', severity: 'error', path, message, fix: 'see the comments of LbSubsetConfig in the API of Envoy' })
  if (at.boolean('locality_weight_aware') === true && cluster.message('common_lb_config')?.has('locality_weighted_lb_config') !== true)
    refuse(at.at('locality_weight_aware'), 'locality_weight_aware needs common_lb_config.locality_weighted_lb_config')
  for (const selector of selectors) {
    const keys = new Set(selector.strings('keys'))
    const fallback = new Set(selector.strings('fallback_keys_subset'))
    const why =
      selector.enum('fallback_policy') !== 'KEYS_SUBSET'
        ? fallback.size > 0 && 'fallback_keys_subset is for the fallback_policy KEYS_SUBSET only'
        : fallback.size === 0
          ? 'the fallback_policy KEYS_SUBSET needs fallback_keys_subset'
          : ([...fallback].some((key) => !keys.has(key)) || fallback.size === keys.size) &&
            'fallback_keys_subset must be some of the keys of its selector, not all of them'
    if (why !== false) refuse(selector.has('fallback_keys_subset') ? selector.at('fallback_keys_subset') : selector.path, why)
  }
}
