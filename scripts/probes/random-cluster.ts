/**
 * Clusters nobody would write by hand. In: draws, a name, where its endpoints may live. Out: an EDS or STATIC cluster and its assignment: any policy in either
 * form of the API, priorities with gaps, localities that repeat, every health, weights, thresholds. Whatever is drawn, Envoy takes it.
 */
import type { Json, JsonObject } from '../oracle/envoy.ts'
import type { Random } from './random.ts'

export interface RandomCluster {
  readonly cluster: JsonObject
  readonly assignment: JsonObject | null
}

export interface Ground {
  readonly name: string
  /** address of endpoint n, from 1 */
  readonly address: (n: number) => string
}

const HEALTHS = ['UNKNOWN', 'HEALTHY', 'HEALTHY', 'HEALTHY', 'UNHEALTHY', 'UNHEALTHY', 'DRAINING', 'TIMEOUT', 'DEGRADED', 'DEGRADED']
const PERCENTS = [0, 1, 10, 29, 33.3, 49.5, 50, 57, 66.7, 90, 100]
const PRIMES = [2, 7, 101, 997, 65537]
const EXTENSION = 'type.googleapis.com/envoy.extensions.load_balancing_policies'
const MOST_ENDPOINTS = 24

type PolicyName = 'ROUND_ROBIN' | 'RANDOM' | 'LEAST_REQUEST' | 'RING_HASH' | 'MAGLEV'

export function randomCluster(draw: Random, ground: Ground): RandomCluster {
  const { name } = ground
  const policy = draw.one<PolicyName>(['ROUND_ROBIN', 'ROUND_ROBIN', 'RANDOM', 'LEAST_REQUEST', 'LEAST_REQUEST', 'RING_HASH', 'MAGLEV'])
  const assignment = { cluster_name: name, endpoints: priorities(draw, ground, policy), ...assignmentPolicy(draw) }
  const isStatic = draw.chance(0.2)
  const cluster = {
    name,
    connect_timeout: '1s',
    ...(isStatic ? { type: 'STATIC', load_assignment: assignment } : { type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } }),
    ...(draw.chance(0.5) ? legacyPolicy(draw, policy) : typedPolicy(draw, policy)),
    ...(draw.chance(0.04) ? { circuit_breakers: { thresholds: [{ max_connections: 0 }] } } : {}),
  }
  return { cluster, assignment: isStatic ? null : assignment }
}

function assignmentPolicy(draw: Random): JsonObject {
  return {
    policy: {
      ...(draw.chance(0.3) ? { overprovisioning_factor: draw.one([1, 100, 120, 200, 1000]) } : {}),
      ...(draw.chance(0.15) ? { weighted_priority_health: true } : {}),
    },
  }
}

function priorities(draw: Random, ground: Ground, policy: PolicyName): readonly JsonObject[] {
  const places = { next: 1 }
  const largest = draw.one([1, 3, 20, policy === 'RING_HASH' ? 50 : 100_000])
  const healthy = draw.chance(0.3)
  const count = draw.one([1, 1, 1, 2, 2, 3])
  const localities: JsonObject[] = []
  let priority = 0
  for (let i = 0; i < count; i++) {
    for (let j = draw.one([1, 1, 2, 3]); j > 0; j--) localities.push(locality(draw, ground, { priority, largest, healthy, places }))
    // Envoy takes priorities that leave some out
    priority += draw.chance(0.15) ? 2 : 1
  }
  return localities
}

interface LocalityPlan {
  readonly priority: number
  readonly largest: number
  readonly healthy: boolean
  readonly places: { next: number }
}

function locality(draw: Random, ground: Ground, { priority, largest, healthy, places }: LocalityPlan): JsonObject {
  const endpoints: JsonObject[] = []
  for (let i = draw.one([0, 1, 2, 3, 4, 6]); i > 0 && places.next <= MOST_ENDPOINTS; i--) {
    // seldom one that is there already
    const n = draw.chance(0.04) && places.next > 1 ? draw.whole(1, places.next - 1) : places.next++
    endpoints.push({
      endpoint: { address: { socket_address: { address: ground.address(n), port_value: 9001 } } },
      ...(healthy ? {} : { health_status: draw.one(HEALTHS) }),
      ...(largest > 1 && draw.chance(0.8) ? { load_balancing_weight: draw.whole(1, largest) } : {}),
      ...(draw.chance(0.05) ? { metadata: { filter_metadata: { 'envoy.lb': { hash_key: `key ${draw.whole(1, 1e6)}` } } } } : {}),
    })
  }
  return {
    ...(priority === 0 ? {} : { priority }),
    ...(draw.chance(0.8)
      ? { locality: { region: draw.one(['', 'r']), zone: draw.one(['a', 'b', 'c']), sub_zone: draw.one(['', '', '1']) } }
      : {}),
    ...(draw.chance(0.7) ? { load_balancing_weight: draw.whole(1, 9) } : {}),
    lb_endpoints: endpoints,
  }
}

function legacyPolicy(draw: Random, policy: PolicyName): JsonObject {
  const common = commonConfig(draw)
  const config: Readonly<Record<PolicyName, JsonObject>> = {
    ROUND_ROBIN: {},
    RANDOM: {},
    LEAST_REQUEST: { least_request_lb_config: leastRequest(draw) },
    RING_HASH: { ring_hash_lb_config: ringHash(draw) },
    MAGLEV: draw.chance(0.7) ? { maglev_lb_config: { table_size: draw.one(PRIMES) } } : {},
  }
  return { lb_policy: policy, ...(draw.chance(0.85) ? config[policy] : {}), common_lb_config: { ...panic(draw), ...common } }
}

function typedPolicy(draw: Random, policy: PolicyName): JsonObject {
  const common = commonConfig(draw)
  const isHash = policy === 'RING_HASH' || policy === 'MAGLEV'
  // fail_traffic_on_panic has no place in the configuration of the two
  const locality: JsonObject = isHash
    ? common.locality_weighted_lb_config === undefined
      ? {}
      : common
    : Object.keys(common).length > 0
      ? { locality_lb_config: common }
      : {}
  const extensions: Readonly<Record<PolicyName, readonly [string, string, JsonObject]>> = {
    ROUND_ROBIN: ['round_robin', 'RoundRobin', {}],
    RANDOM: ['random', 'Random', {}],
    LEAST_REQUEST: [
      'least_request',
      'LeastRequest',
      { ...leastRequest(draw), ...(draw.chance(0.2) ? { selection_method: 'FULL_SCAN' } : {}) },
    ],
    RING_HASH: ['ring_hash', 'RingHash', ringHash(draw)],
    MAGLEV: ['maglev', 'Maglev', { table_size: draw.one(PRIMES) }],
  }
  const [folder, message, config] = extensions[policy]
  const typed_config = { '@type': `${EXTENSION}.${folder}.v3.${message}`, ...config, ...locality }
  return {
    load_balancing_policy: { policies: [{ typed_extension_config: { name: `envoy.load_balancing_policies.${folder}`, typed_config } }] },
    common_lb_config: panic(draw),
  }
}

function panic(draw: Random): JsonObject {
  return draw.chance(0.5) ? { healthy_panic_threshold: { value: draw.one(PERCENTS) } } : {}
}

function commonConfig(draw: Random): Readonly<Record<string, Json>> {
  if (draw.chance(0.35)) return { locality_weighted_lb_config: {} }
  return draw.chance(0.2) ? { zone_aware_lb_config: { fail_traffic_on_panic: true } } : {}
}

function leastRequest(draw: Random): JsonObject {
  return {
    ...(draw.chance(0.6) ? { choice_count: draw.whole(2, 5) } : {}),
    ...(draw.chance(0.4) ? { active_request_bias: { default_value: draw.one([0, 0.5, 1, 2]), runtime_key: 'fuzz.bias' } } : {}),
  }
}

function ringHash(draw: Random): JsonObject {
  const minimum = draw.one([1, 7, 64, 1024])
  return {
    minimum_ring_size: minimum,
    ...(draw.chance(0.4) ? { maximum_ring_size: minimum + draw.one([0, 1, 30, 2000]) } : {}),
    ...(draw.chance(0.3) ? { hash_function: 'MURMUR_HASH_2' } : {}),
  }
}
