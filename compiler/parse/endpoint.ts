/**
 * envoy.config.endpoint.v3.ClusterLoadAssignment. In: its cursor. Out: an Assignment: localities with their endpoints, in the order given.
 * Runs once for each of perhaps a hundred thousand endpoints: nothing is built that is not kept, paths only when a finding needs them.
 * Source: Envoy's endpoint.proto, endpoint_components.proto and health_check.proto (HealthStatus).
 */
import type { Cursor } from '../input/cursor.ts'
import { clusterAccounts } from './accounts.ts'
import { readAddress } from './address.ts'
import { IpEndpoint } from './ip-endpoint.ts'
import type { Assignment, Divert, Labels, LbEndpoint, Locality, Target } from './resources.ts'

export const accountAssignment = clusterAccounts.for('cluster_name', 'endpoints', 'policy')
export const accountPolicy = clusterAccounts.for('overprovisioning_factor', 'weighted_priority_health')
export const accountLocality = clusterAccounts.for('locality', 'metadata', 'lb_endpoints', 'load_balancing_weight', 'priority')
const accountName = clusterAccounts.for('region', 'zone', 'sub_zone')
export const accountLb = clusterAccounts.for('endpoint', 'endpoint_name', 'health_status', 'metadata', 'load_balancing_weight')
export const accountEndpoint = clusterAccounts.for('address', 'hostname', 'additional_addresses')

/** Envoy's default, in percent */
const OVERPROVISIONING = 140
const EMPTY: Assignment = {
  name: '',
  path: '',
  localities: [],
  overprovisioningFactor: OVERPROVISIONING,
  weightedPriorityHealth: false,
  divert: undefined,
  additional: undefined,
}

interface Found {
  divert: Divert | undefined
  additional: string | undefined
}

/** Every message is accounted for, also when a reason to divert is known already. */
function note(found: Found, [divert]: readonly Divert[]): void {
  found.divert ??= divert
}

export function readAssignment(at: Cursor | undefined): Assignment {
  if (at === undefined) return EMPTY
  const found: Found = { divert: accountAssignment(at)[0], additional: undefined }
  const policy = at.message('policy')
  if (policy !== undefined) note(found, accountPolicy(policy))
  const localities = at.messages('endpoints').map((locality) => readLocality(locality, found))
  return {
    name: at.string('cluster_name') ?? '',
    path: at.path,
    localities,
    overprovisioningFactor: policy?.number('overprovisioning_factor') ?? OVERPROVISIONING,
    weightedPriorityHealth: policy?.boolean('weighted_priority_health') ?? false,
    ...found,
  }
}

function readLocality(at: Cursor, found: Found): Locality {
  note(found, accountLocality(at))
  const name = at.message('locality')
  const weight = at.number('load_balancing_weight') ?? 0
  if (name !== undefined) note(found, accountName(name))
  return {
    region: name?.string('region') ?? '',
    zone: name?.string('zone') ?? '',
    subZone: name?.string('sub_zone') ?? '',
    priority: at.number('priority') ?? 0,
    // Envoy keeps the weight of a named locality only (tried)
    weight: name === undefined ? 0 : weight,
    labels: readMetadata(at).labels,
    endpoints: at.messages('lb_endpoints').map((endpoint) => readEndpoint(endpoint, found)),
  }
}

/** Clusters of DNS take it as a name that leads nowhere (tried). */
const NO_ADDRESS: Target = { kind: 'name', name: '', port: 0 }

function readEndpoint(at: Cursor, found: Found): LbEndpoint {
  note(found, accountLb(at))
  const metadata = readMetadata(at)
  const endpoint = at.message('endpoint')
  let target = NO_ADDRESS
  if (endpoint !== undefined) {
    note(found, accountEndpoint(endpoint))
    const address = readAddress(endpoint.message('address'), 'dialled')
    if (endpoint.has('address')) target = address.target
    if (address.divert !== undefined) found.divert ??= { path: endpoint.at('address'), why: address.divert }
    if (endpoint.has('additional_addresses')) {
      endpoint.mark(
        'additional_addresses',
        'ignored-safe',
        'the same endpoint under other addresses, for when the first does not answer; only the first is used',
      )
      found.additional ??= endpoint.at('additional_addresses')
    }
  } else if (at.has('endpoint_name')) {
    at.mark('endpoint_name', 'rejected', 'Envoy does not use named endpoints')
  }
  const rest = {
    weight: at.number('load_balancing_weight') ?? 1,
    health: healthOf(at.has('health_status') ? at.enum('health_status') : undefined),
    hostname: endpoint?.string('hostname') ?? '',
    hashKey: metadata.hashKey,
    labels: metadata.labels,
    lb: metadata.lb,
  }
  return target.kind === 'ip' ? new IpEndpoint(target, rest) : { target, ...rest }
}

/** As Envoy's EDS does (tried): TIMEOUT counts as unhealthy; DRAINING is apart (upstream_impl.cc, excludeBasedOnHealthFlag). */
function healthOf(status: string | undefined): LbEndpoint['health'] {
  switch (status) {
    case 'UNHEALTHY':
    case 'TIMEOUT':
      return 'unhealthy'
    case 'DRAINING':
      return 'draining'
    case 'DEGRADED':
      return 'degraded'
    default:
      return 'healthy'
  }
}

const NO_METADATA = { labels: undefined, hashKey: '', lb: undefined } as const

function readMetadata(at: Cursor): { readonly labels: Labels | undefined; readonly hashKey: string; readonly lb: Labels | undefined } {
  if (!at.has('metadata')) return NO_METADATA
  const metadata = at.message('metadata')
  let labels: Labels | undefined
  let hashKey = ''
  let lb: Labels | undefined
  for (const [key, value] of metadata?.entries('filter_metadata') ?? []) {
    if (key === 'envoy.transport_socket_match') labels = value as Labels
    else if (key === 'envoy.lb') {
      lb = value as Labels
      const given = lb.hash_key
      if (typeof given === 'string') hashKey = given
    }
  }
  metadata?.mark('typed_filter_metadata', 'ignored-safe', 'metadata that neither transport sockets nor hashes nor subsets look at')
  return { labels, hashKey, lb }
}
