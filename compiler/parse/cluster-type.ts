/**
 * Where the endpoints of a cluster come from. In: the cursor of a Cluster. Out: a Discovery, or why it needs user space.
 * Source: Envoy's cluster.proto and dns_cluster.proto; the names of the built-in types and what is refused were tried.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'
import { clusterAccounts } from './accounts.ts'
import { readAssignment } from './endpoint.ts'
import type { Assignment, Discovery, Divert, LookupFamily } from './resources.ts'

export type TypeReading = { readonly discovery: Discovery; readonly divert: Divert | undefined }

const DNS_CLUSTER = 'envoy.extensions.clusters.dns.v3.DnsCluster'
/** `cluster_type.name` of the built-in types */
const BUILT_IN: Readonly<Record<string, string>> = {
  'envoy.cluster.static': 'STATIC',
  'envoy.cluster.eds': 'EDS',
  'envoy.cluster.strict_dns': 'STRICT_DNS',
  'envoy.cluster.logical_dns': 'LOGICAL_DNS',
  'envoy.cluster.original_dst': 'ORIGINAL_DST',
  'envoy.cluster.dns': 'STRICT_DNS',
}
const accountType = clusterAccounts.for('name', 'typed_config')
const accountDns = clusterAccounts.for('dns_lookup_family', 'all_addresses_in_single_endpoint')
const accountEds = clusterAccounts.for('service_name')
const accountOriginalDst = clusterAccounts.for()

export function readClusterType(at: Cursor, diag: Diagnostics): TypeReading {
  refuseEdsConfig(at, diag)
  const custom = at.oneof('cluster_discovery_type') === 'cluster_type' ? at.message('cluster_type') : undefined
  if (custom === undefined) {
    at.mark('cluster_type', 'rejected', 'a cluster has one type')
    return readBuiltIn(at, at.enum('type') ?? 'STATIC', diag)
  }
  const [unknown] = accountType(custom)
  const name = custom.string('name') ?? ''
  const config = custom.any('typed_config')
  if (unknown === undefined && config?.type === DNS_CLUSTER) return readDnsCluster(at, config, diag)
  const builtIn = BUILT_IN[name]
  if (unknown === undefined && config === undefined && builtIn !== undefined) return readBuiltIn(at, builtIn, diag)
  const why = `the cluster type ${name === '' ? (config?.type ?? '') : name}`
  for (const field of ['cluster_type', 'load_assignment', 'dns_lookup_family', 'lb_policy'])
    at.mark(field, 'diverted', 'a cluster type that the kernel cannot do')
  return { discovery: { kind: 'static', assignment: readAssignment(undefined) }, divert: { path: custom.path, why: unknown?.why ?? why } }
}

function readDnsCluster(at: Cursor, config: Cursor, diag: Diagnostics): TypeReading {
  const [divert] = accountDns(config)
  at.mark('dns_lookup_family', 'equivalent', 'the one of cluster_type counts')
  const use = config.boolean('all_addresses_in_single_endpoint') === true ? 'first' : 'all'
  const assignment = readAssignment(at.message('load_assignment'))
  if (use === 'first') checkSingle(at, assignment, diag)
  return { discovery: { kind: 'dns', assignment, use, family: familyOf(config) }, divert }
}

function familyOf(at: Cursor): LookupFamily {
  const family = at.enum('dns_lookup_family') ?? 'AUTO'
  return family === 'UNSPECIFIED' ? 'AUTO' : (family as LookupFamily)
}

function readBuiltIn(at: Cursor, type: string, diag: Diagnostics): TypeReading {
  if (type !== 'STRICT_DNS' && type !== 'LOGICAL_DNS')
    at.mark('dns_lookup_family', 'equivalent', 'for host names; this cluster has addresses')
  switch (type) {
    case 'EDS': {
      const eds = at.message('eds_cluster_config')
      if (eds?.has('eds_config') !== true)
        report(
          at,
          diag,
          'KM1314',
          'an EDS cluster without eds_config: Envoy refuses it',
          'say where the endpoints come from, for instance {ads: {}}',
          'type',
        )
      at.mark('load_assignment', 'equivalent', 'the assignment of an EDS cluster comes over EDS')
      const [divert] = eds === undefined ? [] : accountEds(eds)
      const service = eds?.string('service_name') ?? ''
      return { discovery: { kind: 'eds', service: service === '' ? (at.string('name') ?? '') : service }, divert }
    }
    case 'ORIGINAL_DST':
      return readOriginalDst(at, diag)
    case 'STRICT_DNS':
    case 'LOGICAL_DNS': {
      const assignment = readAssignment(at.message('load_assignment'))
      if (type === 'LOGICAL_DNS') checkSingle(at, assignment, diag)
      return {
        discovery: { kind: 'dns', assignment, use: type === 'LOGICAL_DNS' ? 'first' : 'all', family: familyOf(at) },
        divert: undefined,
      }
    }
    default:
      return { discovery: { kind: 'static', assignment: readAssignment(at.message('load_assignment')) }, divert: undefined }
  }
}

/** Envoy looks at `type`, not at what the cluster is: beside any cluster_type it refuses it, beside envoy.cluster.eds as well (tried). */
function refuseEdsConfig(at: Cursor, diag: Diagnostics): void {
  if (!at.has('eds_cluster_config') || at.enum('type') === 'EDS') return
  at.mark('eds_cluster_config', 'rejected', 'Envoy refuses it in a cluster that is not EDS')
  const fix = 'set type: EDS, or remove it; Envoy refuses this cluster'
  const type = at.message('cluster_type')?.string('name') ?? at.enum('type') ?? 'STATIC'
  report(at, diag, 'KM1311', `eds_cluster_config in a cluster of type ${type}`, fix, 'eds_cluster_config')
}

function checkSingle(at: Cursor, { localities }: Assignment, diag: Diagnostics): void {
  if (localities.length === 1 && localities[0]?.endpoints.length === 1) return
  const message = 'a LOGICAL_DNS cluster needs exactly one endpoint'
  report(at, diag, 'KM1310', message, 'use STRICT_DNS for several; Envoy refuses this cluster', 'load_assignment')
}

function report(at: Cursor, diag: Diagnostics, code: 'KM1310' | 'KM1311' | 'KM1314', message: string, fix: string, field: string): void {
  diag.report({ code, severity: 'error', message, fix, path: at.has(field) ? at.at(field) : at.path })
}

function readOriginalDst(at: Cursor, diag: Diagnostics): TypeReading {
  const refuse = (field: string, message: string): void => {
    at.mark(field, 'rejected', message)
    report(at, diag, 'KM1311', message, 'set lb_policy CLUSTER_PROVIDED and nothing else; Envoy refuses this cluster', field)
  }
  const policy = at.enum('lb_policy') ?? 'ROUND_ROBIN'
  if (policy !== 'CLUSTER_PROVIDED') refuse('lb_policy', `an ORIGINAL_DST cluster needs lb_policy CLUSTER_PROVIDED, not ${policy}`)
  if (at.has('load_assignment')) refuse('load_assignment', 'an ORIGINAL_DST cluster cannot have a load_assignment')
  at.mark('load_balancing_policy', 'equivalent', 'the connection keeps the address that was dialled')
  at.mark('common_lb_config', 'equivalent', 'the connection keeps the address that was dialled')
  const config = at.message('original_dst_lb_config')
  const [divert] = config === undefined ? [] : accountOriginalDst(config)
  return { discovery: { kind: 'original_dst' }, divert }
}
