/**
 * A Balance of the IR as the xDS that means it, for judging `evalBalance` by a real Envoy. In: a name and a Balance. Out: an EDS cluster with its
 * assignment, and a TCP listener in front of it. Tests only; the compiler goes the other way.
 */
import type { Balance, Endpoint, HashPolicy, Policy } from '../../compiler/ir/program.ts'
import type { Json, JsonObject } from './envoy.ts'
import { type Place, placeText } from './endpoints.ts'

/** `legacy`: lb_policy and its config; `typed`: load_balancing_policy */
export type ApiForm = 'legacy' | 'typed'

const HEALTH = { healthy: 'HEALTHY', degraded: 'DEGRADED', unhealthy: 'UNHEALTHY', draining: 'DRAINING' } as const

export function placeOf(endpoint: Endpoint): Place {
  return { address: endpoint.address.subarray(12).join('.'), port: endpoint.port }
}

export function clusterOf(name: string, balance: Balance, form: ApiForm): JsonObject {
  const panic = { healthy_panic_threshold: { value: balance.panicThreshold } }
  const base = { name, type: 'EDS', connect_timeout: '1s' }
  if (form === 'typed') return { ...base, common_lb_config: panic, load_balancing_policy: { policies: [typedPolicy(balance)] } }
  return {
    ...base,
    lb_policy: balance.policy.name,
    ...legacyConfig(balance.policy),
    common_lb_config: {
      ...panic,
      ...(balance.localityWeighted ? { locality_weighted_lb_config: {} } : {}),
      ...(balance.failTrafficOnPanic ? { zone_aware_lb_config: { fail_traffic_on_panic: true } } : {}),
    },
  }
}

export function assignmentOf(name: string, balance: Balance): JsonObject {
  return {
    cluster_name: name,
    endpoints: balance.priorities.flatMap(({ localities }, priority) =>
      localities.map(({ region, zone, subZone, weight, endpoints }) => ({
        priority,
        locality: { region, zone, sub_zone: subZone },
        ...(weight === 0 ? {} : { load_balancing_weight: weight }),
        lb_endpoints: endpoints.map(endpointOf),
      })),
    ),
    policy: { overprovisioning_factor: balance.overprovisioningFactor, weighted_priority_health: balance.weightedPriorityHealth },
  }
}

export function listenerOf(name: string, place: Place, cluster: string, hash: HashPolicy): JsonObject {
  const config = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    stat_prefix: name,
    cluster,
    ...(hash.kind === 'source_ip' ? { hash_policy: [{ source_ip: {} }] } : {}),
  }
  return {
    name,
    address: { socket_address: { address: place.address, port_value: place.port } },
    filter_chains: [{ filters: [{ name: 'tcp', typed_config: config }] }],
  }
}

export function udpListenerOf(name: string, place: Place, cluster: string, hash: HashPolicy): JsonObject {
  const route = { '@type': 'type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.Route', cluster }
  const policies = hash.kind === 'source_ip' ? [{ source_ip: true }] : hash.kind === 'key' ? [{ key: hash.key }] : []
  const config = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig',
    stat_prefix: name,
    matcher: { on_no_match: { action: { name: 'route', typed_config: route } } },
    hash_policies: policies,
  }
  return {
    name,
    address: { socket_address: { address: place.address, port_value: place.port, protocol: 'UDP' } },
    listener_filters: [{ name: 'udp', typed_config: config }],
  }
}

function endpointOf(endpoint: Endpoint): JsonObject {
  const place = placeOf(endpoint)
  const own = endpoint.hashKey === placeText(place)
  return {
    endpoint: { address: { socket_address: { address: place.address, port_value: place.port } } },
    health_status: HEALTH[endpoint.health],
    load_balancing_weight: endpoint.weight,
    ...(own ? {} : { metadata: { filter_metadata: { 'envoy.lb': { hash_key: endpoint.hashKey } } } }),
  }
}

function legacyConfig(policy: Policy): JsonObject {
  switch (policy.name) {
    case 'LEAST_REQUEST':
      return { least_request_lb_config: { choice_count: policy.choiceCount, active_request_bias: bias(policy.activeRequestBias) } }
    case 'RING_HASH': {
      const { minimumRingSize, maximumRingSize, hashFunction } = policy
      return {
        ring_hash_lb_config: { minimum_ring_size: minimumRingSize, maximum_ring_size: maximumRingSize, hash_function: hashFunction },
      }
    }
    case 'MAGLEV':
      return { maglev_lb_config: { table_size: policy.tableSize } }
    default:
      return {}
  }
}

function typedPolicy(balance: Balance): JsonObject {
  const { policy } = balance
  const weighted = balance.localityWeighted ? { locality_weighted_lb_config: {} } : {}
  const zoned = balance.failTrafficOnPanic ? { zone_aware_lb_config: { fail_traffic_on_panic: true } } : weighted
  const locality = Object.keys(zoned).length > 0 ? { locality_lb_config: zoned } : {}
  switch (policy.name) {
    case 'ROUND_ROBIN':
      return extension('round_robin', 'RoundRobin', locality)
    case 'RANDOM':
      return extension('random', 'Random', locality)
    case 'LEAST_REQUEST': {
      const { choiceCount, activeRequestBias, fullScan } = policy
      const method = fullScan ? 'FULL_SCAN' : 'N_CHOICES'
      return extension('least_request', 'LeastRequest', {
        choice_count: choiceCount,
        active_request_bias: bias(activeRequestBias),
        selection_method: method,
        ...locality,
      })
    }
    case 'RING_HASH': {
      const { minimumRingSize, maximumRingSize, hashFunction } = policy
      return extension('ring_hash', 'RingHash', {
        minimum_ring_size: minimumRingSize,
        maximum_ring_size: maximumRingSize,
        hash_function: hashFunction,
        ...weighted,
      })
    }
    case 'MAGLEV':
      return extension('maglev', 'Maglev', { table_size: policy.tableSize, ...weighted })
  }
}

function bias(value: number): JsonObject {
  return { default_value: value, runtime_key: 'oracle.bias' }
}

function extension(folder: string, message: string, config: Readonly<Record<string, Json>>): JsonObject {
  return {
    typed_extension_config: {
      name: `envoy.load_balancing_policies.${folder}`,
      typed_config: { '@type': `type.googleapis.com/envoy.extensions.load_balancing_policies.${folder}.v3.${message}`, ...config },
    },
  }
}
