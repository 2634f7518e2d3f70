/**
 * Which load-balancing policy a cluster has. In: the cursor of an envoy.config.cluster.v3.Cluster. Out: the policy with what belongs to it, or why
 * the kernel cannot do it (reported as KM1401; the cluster is then diverted). Never throws.
 * Source: Envoy's cluster proto and upstream_impl.cc: load_balancing_policy wins over lb_policy, its first entry that Envoy knows decides (not the
 * first that we can do), and it excludes lb_subset_config and the locality and hashing fields of common_lb_config.
 */
import type { PolicyName } from '../../proto/abi.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'
import type { PolicyReading, RuntimeNumber } from './policy.ts'
import { LOAD_REPORTS_TYPE, readLoadReports } from './load-reports.ts'
import { BALANCE_POLICIES } from './table.ts'

const WRR_LOCALITY = 'envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality'
/** Policies of Envoy 1.40 that need what a connect hook does not have: metadata of a request, load of other zones, code of the user. */
const OTHERS = [
  'cluster_provided.v3.ClusterProvided',
  'dynamic_modules.v3.DynamicModulesLoadBalancerConfig',
  'load_aware_locality.v3.LoadAwareLocality',
  'override_host.v3.OverrideHost',
  'subset.v3.Subset',
].map((name) => `envoy.extensions.load_balancing_policies.${name}`)

const KNOWN = new Set([...Object.values(BALANCE_POLICIES).map(({ type }) => type), LOAD_REPORTS_TYPE, WRR_LOCALITY, ...OTHERS])

const CONFIGS: Readonly<Record<string, PolicyName>> = {
  round_robin_lb_config: 'ROUND_ROBIN',
  least_request_lb_config: 'LEAST_REQUEST',
  ring_hash_lb_config: 'RING_HASH',
  maglev_lb_config: 'MAGLEV',
}

const NO_RUNTIME: RuntimeNumber = () => undefined

/** `runtime`: of the bootstrap that is in the snapshot */
export function readBalancePolicy(cluster: Cursor, diag: Diagnostics, runtime: RuntimeNumber = NO_RUNTIME): PolicyReading {
  const typed = cluster.message('load_balancing_policy')
  const reading = typed === undefined ? readLegacy(cluster, diag, runtime) : readTyped(cluster, typed, diag, runtime)
  if ('unsupported' in reading && reading.reported === undefined) {
    const field = typed === undefined ? 'lb_policy' : 'load_balancing_policy'
    diag.report({
      code: 'KM1401',
      severity: 'warning',
      message: `load balancing by ${reading.unsupported} cannot be done at connect; the cluster is diverted`,
      fix: 'use ROUND_ROBIN, RANDOM, LEAST_REQUEST, RING_HASH or MAGLEV',
      path: cluster.has(field) ? cluster.at(field) : cluster.path,
    })
  }
  return reading
}

function readLegacy(cluster: Cursor, diag: Diagnostics, runtime: RuntimeNumber): PolicyReading {
  const name = cluster.enum('lb_policy') ?? 'ROUND_ROBIN'
  for (const [field, policy] of Object.entries(CONFIGS)) {
    if (policy !== name) cluster.mark(field, 'equivalent', `lb_policy is ${name}`)
  }
  if (name === 'LOAD_BALANCING_POLICY_CONFIG')
    return refuse(cluster, diag, 'lb_policy', 'lb_policy LOAD_BALANCING_POLICY_CONFIG needs load_balancing_policy')
  const hashing = cluster.message('common_lb_config')?.message('consistent_hashing_lb_config')
  if (hashing?.boolean('use_hostname_for_hashing') === true && cluster.enum('type') !== 'STRICT_DNS') {
    return refuse(hashing, diag, 'use_hostname_for_hashing', 'use_hostname_for_hashing needs a STRICT_DNS cluster', 'KM1406')
  }
  const policy = BALANCE_POLICIES[name as PolicyName]
  if (policy === undefined) {
    cluster.mark('lb_policy', 'diverted', 'not a policy of endpoints')
    return { unsupported: name }
  }
  return policy.readLegacy(cluster, diag, runtime)
}

const EXCLUDED = ['locality_weighted_lb_config', 'zone_aware_lb_config', 'consistent_hashing_lb_config']

function readTyped(cluster: Cursor, typed: Cursor, diag: Diagnostics, runtime: RuntimeNumber): PolicyReading {
  cluster.mark('lb_policy', 'equivalent', 'load_balancing_policy is set and wins')
  for (const field of Object.keys(CONFIGS)) cluster.mark(field, 'equivalent', 'load_balancing_policy is set and wins')
  const refused = (at: Cursor, field: string, message: string): PolicyReading => {
    cluster.mark('load_balancing_policy', 'rejected', message)
    return refuse(at, diag, field, message)
  }
  if (cluster.has('lb_subset_config'))
    return refused(cluster, 'lb_subset_config', 'load_balancing_policy and lb_subset_config exclude each other')
  const common = cluster.message('common_lb_config')
  const excluded = EXCLUDED.find((field) => common?.has(field) === true)
  if (common !== undefined && excluded !== undefined)
    return refused(common, excluded, `load_balancing_policy and common_lb_config.${excluded} exclude each other`)

  const first = firstKnown(typed)
  if (first === undefined) return refuse(cluster, diag, 'load_balancing_policy', 'load_balancing_policy has no entry that Envoy knows')
  return readEntry(first, diag, runtime)
}

function readEntry(config: Cursor, diag: Diagnostics, runtime: RuntimeNumber): PolicyReading {
  const own = Object.values(BALANCE_POLICIES).find(({ type }) => type === config.type)
  if (own !== undefined) return own.readTyped(config, diag, runtime)
  if (config.type === LOAD_REPORTS_TYPE) return readLoadReports(config, diag)
  if (config.type === WRR_LOCALITY) {
    const inner = config.message('endpoint_picking_policy')
    const first = inner === undefined ? undefined : firstKnown(inner)
    if (first?.type !== LOAD_REPORTS_TYPE)
      return refuse(config, diag, 'endpoint_picking_policy', 'wrr_locality takes client_side_weighted_round_robin and nothing else')
    const reading = readLoadReports(first, diag)
    return 'policy' in reading ? { ...reading, localityWeighted: true } : reading
  }
  config.markAll('diverted', 'cannot be done at connect')
  return { unsupported: config.type.split('.').at(-1) ?? config.type }
}

/** The configuration of the first entry that Envoy knows; the others are accounted for. Names do not count, only types. */
function firstKnown(list: Cursor): Cursor | undefined {
  let first: Cursor | undefined
  for (const entry of list.messages('policies')) {
    const extension = entry.message('typed_extension_config')
    const config = extension?.any('typed_config')
    if (first !== undefined) entry.markAll('equivalent', 'an earlier entry is known and decides')
    else if (config !== undefined && KNOWN.has(config.type)) {
      extension?.mark('name', 'ignored-safe', 'the type of typed_config decides')
      first = config
    } else entry.markAll('equivalent', 'Envoy does not know this policy and tries the next')
  }
  return first
}

const FIXES = {
  KM1405: 'leave one of the two out, or name a policy that Envoy has',
  KM1406: 'use load_balancing_policy, or leave use_hostname_for_hashing out',
} as const

/** What Envoy refuses to load. */
function refuse(at: Cursor, diag: Diagnostics, field: string, message: string, code: keyof typeof FIXES = 'KM1405'): PolicyReading {
  at.mark(field, 'rejected', message)
  diag.report({ code, severity: 'error', message, fix: FIXES[code], path: at.at(field) })
  return { unsupported: message, reported: true }
}
