/**
 * envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy. In: its cursor. Out: a cluster, weighted clusters, or why it needs user space.
 * Source: Envoy's tcp_proxy.proto and tcp_proxy.cc. Weights are at least 1 (the schema's rule), clusters need not exist (tried).
 */
import { mergeCriteria, readCriteria } from '../http/subset-criteria.ts'
import type { Cursor } from '../input/cursor.ts'
import { listenerAccounts } from './accounts.ts'
import { readTcpHash } from './hash-policy.ts'
import type { ChainAction } from './resources.ts'

export const accountTcpProxy = listenerAccounts.for('cluster', 'weighted_clusters', 'hash_policy', 'metadata_match')
const accountWeighted = listenerAccounts.for('clusters')
const accountShare = listenerAccounts.for('name', 'weight', 'metadata_match')

export function readTcpProxy(at: Cursor): ChainAction {
  const [divert] = accountTcpProxy(at)
  if (divert !== undefined) return { kind: 'divert', code: 'KM1202', ...divert }
  const reading = readTcpHash(at.messages('hash_policy'))
  if ('why' in reading) return { kind: 'divert', code: 'KM1202', path: at.at('hash_policy'), why: reading.why }
  const weighted = at.oneof('cluster_specifier') === 'weighted_clusters' ? at.message('weighted_clusters') : undefined
  const criteria = readCriteria(at.message('metadata_match'))
  if (weighted === undefined)
    return { kind: 'cluster', path: at.at('cluster'), cluster: at.string('cluster') ?? '', criteria, hash: reading.hash }

  const shares = weighted.messages('clusters')
  const [unknown] = [weighted, ...shares].flatMap((message, index) => (index === 0 ? accountWeighted : accountShare)(message))
  if (unknown !== undefined) return { kind: 'divert', code: 'KM1202', ...unknown }
  return {
    kind: 'weighted',
    path: at.at('weighted_clusters'),
    clusters: shares.map((share) => ({
      path: share.path,
      cluster: share.string('name') ?? '',
      weight: share.number('weight') ?? 0,
      criteria: mergeCriteria(criteria, readCriteria(share.message('metadata_match'))),
    })),
    hash: reading.hash,
  }
}
