/**
 * What tcp_proxy's and udp_proxy's hash policies name. In: the cursors of their lists. Out: a HashPolicy, or why it cannot be done.
 * Source: Envoy's type/v3/hash_policy.proto and udp_proxy.proto. filter_state reads an object that only filters set; chains with such filters are diverted.
 */
import type { Cursor } from '../input/cursor.ts'
import type { HashPolicy } from '../ir/program.ts'

export type HashReading = { readonly hash: HashPolicy } | { readonly why: string }

const NONE: HashReading = { hash: { kind: 'none' } }

/** envoy.type.v3.HashPolicy; Envoy takes at most one. */
export function readTcpHash(policies: readonly Cursor[]): HashReading {
  const [policy, ...others] = policies
  if (policy === undefined) return NONE
  for (const other of others) other.markAll('rejected', 'Envoy takes at most one')
  const kind = policy.oneof('policy_specifier')
  if (kind === 'source_ip' && policy.message(kind) !== undefined) return { hash: { kind: 'source_ip' } }
  policy.markAll('diverted', 'hashes what a filter leaves behind')
  return { why: `hash_policy ${kind ?? 'without a choice'}` }
}

/** UdpProxyConfig.HashPolicy; Envoy mixes the hashes of several. */
export function readUdpHash(policies: readonly Cursor[]): HashReading {
  const [policy] = policies
  if (policy === undefined) return NONE
  if (policies.length > 1) {
    for (const one of policies) one.markAll('diverted', 'a mix of several hashes')
    return { why: 'several hash_policies' }
  }
  if (policy.oneof('policy_specifier') === 'key') return { hash: { kind: 'key', key: policy.string('key') ?? '' } }
  return policy.boolean('source_ip') === true ? { hash: { kind: 'source_ip' } } : { why: 'hash_policies without a choice' }
}
