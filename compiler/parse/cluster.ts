/**
 * envoy.config.cluster.v3.Cluster. In: its cursor and the reader of balance policies. Out: a Cluster; what of it needs user space, and warnings for
 * what is not done here (outlier detection, active health checks: the health_status of EDS decides).
 * Source: Envoy's cluster.proto and upstream_impl.cc.
 */
import type { PolicyReading } from '../balance/policy.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'
import { clusterAccounts } from './accounts.ts'
import { readCircuitBreakers } from './circuit-breakers.ts'
import { readTransport } from './cluster-transport.ts'
import { readClusterType } from './cluster-type.ts'
import { isAnyAddress } from '../../proto/address/mapped.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import { WATCHERS } from './network-filters.ts'
import type { BalanceSettings, Cluster, Divert } from './resources.ts'
import { readSubsets } from './subsets.ts'

export interface ClusterOptions {
  readonly readBalance: (cluster: Cursor, diag: Diagnostics) => PolicyReading
  /** warnings about what is not done here become errors */
  readonly strict: boolean
}

export const accountCluster = clusterAccounts.for(
  'name',
  'type',
  'cluster_type',
  'eds_cluster_config',
  'lb_policy',
  'load_assignment',
  'health_checks',
  'circuit_breakers',
  'outlier_detection',
  'upstream_bind_config',
  'lb_subset_config',
  'ring_hash_lb_config',
  'maglev_lb_config',
  'original_dst_lb_config',
  'least_request_lb_config',
  'round_robin_lb_config',
  'common_lb_config',
  'transport_socket',
  'transport_socket_matches',
  'upstream_connection_options',
  'filters',
  'load_balancing_policy',
  'dns_lookup_family',
)
const accountCommon = clusterAccounts.for('healthy_panic_threshold')
const accountOptions = clusterAccounts.for()

/** Envoy's default, in percent */
const PANIC_THRESHOLD = 50

export function readCluster(at: Cursor, options: ClusterOptions, diag: Diagnostics): Cluster {
  const name = at.string('name') ?? ''
  const { discovery, divert: typeDivert } = readClusterType(at, diag)
  const { transport, divert: transportDivert } = readTransport(at)
  const breakers = readCircuitBreakers(at.message('circuit_breakers'))
  const diverts = [
    ...accountCluster(at),
    typeDivert,
    transportDivert,
    breakers.divert,
    readBinding(at),
    readFilters(at),
    readConnectionOptions(at),
  ]
  const subsets = readSubsets(at, diag)
  diverts.push(subsets.divert)
  reportHealth(at, options, diag)
  const ownBalance = discovery.kind === 'original_dst' || typeDivert !== undefined
  if (ownBalance) markBalance(at)
  const reading = ownBalance ? undefined : options.readBalance(at, diag)
  if (reading !== undefined && 'unsupported' in reading) diverts.push({ path: at.path, why: `load balancing: ${reading.unsupported}` })
  const { panicThreshold, divert: commonDivert } = readCommon(at)
  return {
    name,
    path: at.path,
    discovery,
    transport,
    subsets: subsets.rules,
    balance: reading === undefined || 'unsupported' in reading ? undefined : settings(reading, panicThreshold),
    divert: [...diverts, commonDivert].find((divert) => divert !== undefined),
    balanceReported: reading !== undefined && 'unsupported' in reading,
    maxConnections: breakers.maxConnections,
    ...(speaksHttp2(at) && { http2: true }),
  }
}

const PROTOCOL_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/** Whatever the client speaks. use_downstream_protocol_config speaks HTTP/1.1 for a client that does, and so does auto_config without TLS. */
function speaksHttp2(at: Cursor): boolean {
  if (at.has('http2_protocol_options')) return true
  if (!at.has('typed_extension_protocol_options')) return false
  const options = at.map('typed_extension_protocol_options').find(([, config]) => config.type === PROTOCOL_OPTIONS && config.known)?.[1]
  const explicit = options?.message('explicit_http_config')
  at.mark(
    'typed_extension_protocol_options',
    'ignored-safe',
    'settings of connections to HTTP upstreams; requests that need HTTP/2 there go to user space',
  )
  return explicit?.has('http2_protocol_options') === true || explicit?.has('http3_protocol_options') === true
}

function settings(reading: Extract<PolicyReading, { policy: unknown }>, panicThreshold: number): BalanceSettings {
  const { policy, localityWeighted, failTrafficOnPanic, useHostnameForHashing } = reading
  return { policy, localityWeighted, failTrafficOnPanic, useHostnameForHashing, panicThreshold }
}

/** Envoy cuts the threshold down to whole percents, after it went through a fraction (ProtobufPercentHelper, tried): 66.7 is 66, and 29 is 28. */
function wholePercent(value: number): number {
  return Math.trunc(100 * (value / 100))
}

function readCommon(at: Cursor): { readonly panicThreshold: number; readonly divert: Divert | undefined } {
  const common = at.message('common_lb_config')
  if (common === undefined) return { panicThreshold: PANIC_THRESHOLD, divert: undefined }
  const [divert] = accountCommon(common)
  const threshold = common.message('healthy_panic_threshold')
  return { panicThreshold: threshold === undefined ? PANIC_THRESHOLD : wholePercent(threshold.number('value') ?? 0), divert }
}

function markBalance(at: Cursor): void {
  for (const field of [
    'lb_subset_config',
    'ring_hash_lb_config',
    'maglev_lb_config',
    'least_request_lb_config',
    'round_robin_lb_config',
    'load_balancing_policy',
  ]) {
    at.mark(field, 'equivalent', 'this type of cluster has no endpoints to balance')
  }
}

function reportHealth(at: Cursor, { strict }: ClusterOptions, diag: Diagnostics): void {
  const severity = strict ? 'error' : 'warning'
  if (at.has('outlier_detection')) {
    at.mark('outlier_detection', strict ? 'rejected' : 'ignored-safe', 'no endpoint is ejected; the health_status of EDS decides')
    diag.report({
      code: 'KM1304',
      severity,
      path: at.at('outlier_detection'),
      message: 'outlier detection is not done: no endpoint is ejected for its errors',
      fix: 'let the control plane report failing endpoints as UNHEALTHY',
    })
  }
  if (at.messages('health_checks').length > 0) {
    at.mark('health_checks', strict ? 'rejected' : 'ignored-safe', 'nobody makes active health checks; the health_status of EDS decides')
    diag.report({
      code: 'KM1305',
      severity,
      path: at.at('health_checks'),
      message: 'active health checks are not made: endpoints count as healthy unless their health_status says otherwise',
      fix: 'let the control plane report failing endpoints as UNHEALTHY',
    })
  }
}

/** A source address of the proxy's own choice would be seen by the endpoint; the client's socket has the client's. */
function readBinding(at: Cursor): Divert | undefined {
  const bind = at.message('upstream_bind_config')
  if (bind === undefined) return undefined
  const source = bind.message('source_address')
  const any = source === undefined || (readSource(source) && (source.number('port_value') ?? 0) === 0)
  const only = bind.fields().every((field) => ['source_address', 'freebind', 'socket_options'].includes(field))
  if (any && only) {
    bind.markAll('ignored-safe', "options of the proxy's own sockets; the client's socket connects")
    return undefined
  }
  at.mark('upstream_bind_config', 'diverted', 'the endpoint would see another source address')
  return { path: at.at('upstream_bind_config'), why: 'a source address of its own (upstream_bind_config)' }
}

function readSource(source: Cursor): boolean {
  const address = parseIp(source.string('address') ?? '')
  return address !== undefined && isAnyAddress(address)
}

function readFilters(at: Cursor): Divert | undefined {
  for (const filter of at.messages('filters')) {
    const config = filter.any('typed_config')
    const reason = config === undefined ? undefined : WATCHERS[config.type]
    if (reason === undefined) {
      at.mark('filters', 'diverted', 'filters on the way to the endpoint')
      return { path: filter.path, why: `the upstream filter ${filter.string('name') ?? ''}` }
    }
    filter.markAll('ignored-safe', reason)
  }
  return undefined
}

function readConnectionOptions(at: Cursor): Divert | undefined {
  const options = at.message('upstream_connection_options')
  return options === undefined ? undefined : accountOptions(options)[0]
}
