/**
 * envoy.config.route.v3.RouteAction. In: its cursor. Out: a ForwardAction. Which cluster a request gets is decided in cluster-choice.ts.
 * Source: Envoy's route_components.proto and router/config_impl.cc.
 */
import type { Cursor } from '../input/cursor.ts'
import type { RuntimeValues } from '../match/runtime-values.ts'
import { lowerCase } from '../match/string-match.ts'
import type { ActionRules } from './exchange.ts'
import type { ClusterSpecifier, ForwardAction, WeightedCluster } from './model.ts'
import { readAll } from './read-all.ts'
import { readHashPolicies, readMirrors, readRetryPolicy, readTimeouts } from './read-policies.ts'
import { createShare, slotOfText } from '../match/share.ts'
import { readCriteria } from './subset-criteria.ts'

const NOT_FOUND_STATUS: Readonly<Record<string, number>> = { SERVICE_UNAVAILABLE: 503, NOT_FOUND: 404, INTERNAL_SERVER_ERROR: 500 }

const SLOTS = 1 << 12
const shareAction = createShare<ForwardAction>(SLOTS, ({ cluster }) => slotOfText(cluster.kind === 'cluster' ? cluster.name : cluster.kind))
const shareCluster = createShare<ClusterSpecifier>(SLOTS, (cluster) => slotOfText(cluster.kind === 'cluster' ? cluster.name : cluster.kind))

export function readForward(at: Cursor, rules: ActionRules, runtime: RuntimeValues): ForwardAction {
  return shareAction({
    kind: 'route',
    cluster: shareCluster(readClusterSpecifier(at, rules, runtime)),
    clusterNotFoundStatus: NOT_FOUND_STATUS[at.enum('cluster_not_found_response_code') ?? ''] ?? 503,
    pathRewrite: rules.readPathRewrite(at),
    hostRewrite: rules.readHostRewrite(at),
    appendXForwardedHost: at.boolean('append_x_forwarded_host') ?? false,
    timeouts: readTimeouts(at),
    retry: readRetryPolicy(at),
    hash: readHashPolicies(at),
    mirrors: readMirrors(at),
    upgrades: readAll(at.messages('upgrade_configs'), (upgrade) => ({
      type: upgrade.string('upgrade_type') ?? '',
      enabled: upgrade.boolean('enabled') ?? true,
      connect: upgrade.message('connect_config') !== undefined,
    })),
    priority: at.enum('priority') === 'HIGH' ? 'HIGH' : 'DEFAULT',
    criteria: readCriteria(at.message('metadata_match')),
  })
}

function readClusterSpecifier(at: Cursor, rules: ActionRules, runtime: RuntimeValues): ClusterSpecifier {
  const kind = at.oneof('cluster_specifier')
  switch (kind) {
    case 'cluster_header':
      return { kind: 'header', header: lowerCase(at.string(kind) ?? '') }
    case 'weighted_clusters':
      return readWeighted(at.message(kind) as Cursor, rules, runtime)
    case 'cluster_specifier_plugin':
      return { kind: 'plugin', type: at.string(kind) ?? '' }
    case 'inline_cluster_specifier_plugin':
      return { kind: 'plugin', type: at.message(kind)?.message('extension')?.any('typed_config')?.type ?? '' }
    default:
      return { kind: 'cluster', name: at.string('cluster') ?? '' }
  }
}

/** With runtime_key_prefix the runtime may set the weights. */
function readWeighted(at: Cursor, rules: ActionRules, runtime: RuntimeValues): ClusterSpecifier {
  const prefix = at.string('runtime_key_prefix') ?? ''
  const clusters = at.messages('clusters').map((cluster) => {
    const read = readWeightedCluster(cluster, rules)
    return prefix === '' ? read : { ...read, weight: runtime.count(`${prefix}.${read.name}`) ?? read.weight }
  })
  const header = at.string('header_name') ?? ''
  return {
    kind: 'weighted',
    clusters,
    total: clusters.reduce((sum, { weight }) => sum + weight, 0),
    headerName: header === '' ? undefined : lowerCase(header),
    useHashPolicy: at.boolean('use_hash_policy') ?? false,
  }
}

function readWeightedCluster(at: Cursor, rules: ActionRules): WeightedCluster {
  const header = at.string('cluster_header') ?? ''
  const host = at.string('host_rewrite_literal') ?? ''
  return {
    path: at.path,
    name: at.string('name') ?? '',
    header: header === '' ? undefined : lowerCase(header),
    weight: at.number('weight') ?? 0,
    headers: rules.readHeaders(at),
    criteria: readCriteria(at.message('metadata_match')),
    hostRewriteLiteral: host === '' ? undefined : host,
    filters: rules.readFilters(at),
  }
}
