/**
 * envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig. In: its cursor. Out: the one cluster that all datagrams go to, or why user space is needed.
 * A matcher is understood when nothing is left to match: only on_no_match, with the action Route. Source: Envoy's udp_proxy.proto and route.proto.
 */
import type { Cursor } from '../input/cursor.ts'
import { listenerAccounts } from './accounts.ts'
import { readUdpHash } from './hash-policy.ts'
import type { ChainAction } from './resources.ts'

export const accountUdpProxy = listenerAccounts.for('cluster', 'matcher', 'hash_policies', 'use_per_packet_load_balancing')
const ROUTE = 'envoy.extensions.filters.udp.udp_proxy.v3.Route'

export function readUdpProxy(at: Cursor): ChainAction {
  const divert = (path: string, why: string): ChainAction => ({ kind: 'divert', code: 'KM1202', path, why })
  const [unread] = accountUdpProxy(at)
  if (unread !== undefined) return divert(unread.path, unread.why)
  if (at.boolean('use_per_packet_load_balancing') === true) {
    at.mark('use_per_packet_load_balancing', 'diverted', 'a socket keeps its endpoint')
    return divert(at.at('use_per_packet_load_balancing'), 'use_per_packet_load_balancing')
  }
  const reading = readUdpHash(at.messages('hash_policies'))
  if ('why' in reading) return divert(at.at('hash_policies'), reading.why)
  const cluster = at.oneof('route_specifier') === 'matcher' ? matchedCluster(at.message('matcher')) : at.string('cluster')
  if (cluster === undefined) {
    at.mark('matcher', 'diverted', 'chooses the cluster by properties of the datagram')
    return divert(at.at('matcher'), 'a matcher with conditions')
  }
  return { kind: 'cluster', path: at.at(at.oneof('route_specifier') ?? 'cluster'), cluster, hash: reading.hash }
}

function matchedCluster(matcher: Cursor | undefined): string | undefined {
  const otherwise = matcher?.message('on_no_match')
  const conditions = matcher?.fields().length !== 1 || otherwise?.fields().length !== 1
  const action = conditions ? undefined : otherwise?.message('action')
  action?.mark('name', 'ignored-safe', 'the type of typed_config decides')
  const route = action?.any('typed_config')
  return route?.type === ROUTE ? route.string('cluster') : undefined
}
