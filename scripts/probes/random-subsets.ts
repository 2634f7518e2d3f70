/**
 * Subsets of endpoints by metadata. In: draws and a random cluster. Out: the cluster with lb_subset_config and endpoints with metadata; criteria to choose with. Clusters with
 * load_balancing_policy stay as they are: Envoy takes one or the other.
 */
import type { JsonObject } from '../oracle/envoy.ts'
import type { Random } from './random.ts'
import type { RandomCluster } from './random-cluster.ts'

const KEYS = ['a', 'b', 'c']
const VALUES = ['1', '2', 1, true, ['1', '2']]
const FALLBACKS = ['NO_FALLBACK', 'ANY_ENDPOINT', 'DEFAULT_SUBSET']

/** filter_metadata "envoy.lb" */
export function randomMetadata(draw: Random): JsonObject {
  return Object.fromEntries(KEYS.filter(() => draw.chance(0.6)).map((key) => [key, draw.one(VALUES)]))
}

export function metadataOf(fields: JsonObject): JsonObject {
  return { filter_metadata: { 'envoy.lb': fields } }
}

export function withSubsets(draw: Random, { cluster, assignment }: RandomCluster): RandomCluster {
  if (cluster.load_balancing_policy !== undefined) return { cluster, assignment }
  const own = assignment ?? (cluster.load_assignment as JsonObject)
  const marked = { ...own, endpoints: (own.endpoints as readonly JsonObject[]).map((locality) => markedLocality(draw, locality)) }
  const common = cluster.common_lb_config as JsonObject
  const config = { ...cluster, lb_subset_config: subsetConfig(draw, common.locality_weighted_lb_config !== undefined) }
  return assignment === null ? { cluster: { ...config, load_assignment: marked }, assignment } : { cluster: config, assignment: marked }
}

function markedLocality(draw: Random, locality: JsonObject): JsonObject {
  const endpoints = locality.lb_endpoints as readonly JsonObject[]
  return {
    ...locality,
    lb_endpoints: endpoints.map((endpoint) => (draw.chance(0.85) ? { ...endpoint, metadata: metadataOf(randomMetadata(draw)) } : endpoint)),
  }
}

/** `weighted`: its localities have weights */
function subsetConfig(draw: Random, weighted: unknown): JsonObject {
  return {
    ...(draw.chance(0.8) ? { fallback_policy: draw.one(FALLBACKS) } : {}),
    ...(draw.chance(0.7) ? { default_subset: randomMetadata(draw) } : {}),
    subset_selectors: Array.from({ length: draw.whole(1, 3) }, () => selector(draw)),
    ...(weighted === true && draw.chance(0.5) ? { locality_weight_aware: true } : {}),
    ...(draw.chance(0.3) ? { list_as_any: true } : {}),
  }
}

function selector(draw: Random): JsonObject {
  const keys = KEYS.filter(() => draw.chance(0.5))
  if (keys.length === 0) keys.push(draw.one(KEYS))
  if (keys.length > 1 && draw.chance(0.3)) return { keys, fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: [draw.one(keys)] }
  return { keys: [...keys].reverse(), ...(draw.chance(0.5) ? { fallback_policy: draw.one(FALLBACKS) } : {}) }
}
