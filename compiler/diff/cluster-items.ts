/**
 * A Cluster as an item: policy, limits, endpoints. In: envoy.config.cluster.v3.Cluster and the ClusterLoadAssignment that belongs to it, as plain JSON. Envoy's defaults
 * are filled in (weight 1, health_status UNKNOWN counts as healthy, max_connections 1,024), so that a default that is written out is no difference.
 */
import type { Item } from './item.ts'
import { addressOf } from './listener-items.ts'
import { isObject, listAt, objectAt, type Plain, type PlainObject, textAt, without } from './plain.ts'

/** core.v3.HealthStatus as the balancer sees it */
const HEALTH: Readonly<Record<string, string>> = {
  '': 'healthy',
  HEALTHY: 'healthy',
  UNHEALTHY: 'unhealthy',
  DRAINING: 'draining',
  TIMEOUT: 'timeout',
  DEGRADED: 'degraded',
}
/** config.cluster.v3.CircuitBreakers.Thresholds: Envoy's defaults */
const LIMITS: Readonly<Record<string, string>> = {
  max_connections: '1024',
  max_pending_requests: '1024',
  max_requests: '1024',
  max_retries: '3',
}

export interface Assigned {
  readonly assignment: PlainObject
  readonly path: string
}

export function clusterItem(cluster: PlainObject, name: string, path: string, eds: Assigned | undefined): Item {
  const own = isObject(cluster.load_assignment) ? { assignment: cluster.load_assignment, path: `${path}.load_assignment` } : undefined
  const assigned = own ?? eds
  const policy = listAt(cluster, 'load_balancing_policy', 'policies').map((one) => textAt(one, 'typed_extension_config', 'name'))
  const { facts, rest: thresholds } = limits(cluster)
  // that of an inline assignment says nothing where it is the cluster's own
  const renamed = own !== undefined && textAt(own.assignment, 'cluster_name') !== name
  const settings = without(assigned?.assignment, 'endpoints', ...(renamed ? [] : ['cluster_name']))
  const breakers = without(cluster.circuit_breakers, 'thresholds')
  return {
    kind: 'cluster',
    key: name,
    name,
    path,
    facts: {
      type: textAt(cluster, 'type') || textAt(cluster, 'cluster_type', 'name') || 'STATIC',
      policy: policy.length > 0 ? policy.join(', ') : textAt(cluster, 'lb_policy') || 'ROUND_ROBIN',
      ...(textAt(cluster, 'eds_cluster_config', 'service_name') !== '' && {
        service: textAt(cluster, 'eds_cluster_config', 'service_name'),
      }),
      ...facts,
    },
    rest: {
      ...without(cluster, 'name', 'type', 'lb_policy', 'load_assignment', 'circuit_breakers', 'eds_cluster_config'),
      ...(Object.keys(breakers).length + thresholds.length > 0 && {
        circuit_breakers: { ...breakers, ...(thresholds.length > 0 && { thresholds }) },
      }),
      ...(isObject(cluster.eds_cluster_config) && { eds_cluster_config: without(cluster.eds_cluster_config, 'service_name') }),
      ...(Object.keys(settings).length > 0 && { load_assignment: settings }),
    },
    clusters: [name],
    parts: assigned === undefined ? [] : endpointItems(assigned),
  }
}

function limits(cluster: PlainObject): { readonly facts: Readonly<Record<string, string>>; readonly rest: readonly Plain[] } {
  const facts: Record<string, string> = {}
  const rest: Plain[] = []
  const seen = new Set<string>()
  for (const threshold of listAt(cluster, 'circuit_breakers', 'thresholds')) {
    const priority = textAt(threshold, 'priority') || 'DEFAULT'
    // Envoy takes the first of a priority
    if (seen.has(priority)) rest.push(threshold)
    else {
      for (const [name, fallback] of Object.entries(LIMITS)) {
        const value = textAt(threshold, name)
        if (value !== '' && value !== fallback)
          facts[priority === 'DEFAULT' ? name : `${priority} ${name}`] = value === '4294967295' ? 'unlimited' : value
      }
      const left = without(threshold, 'priority', ...Object.keys(LIMITS))
      if (Object.keys(left).length > 0) rest.push({ priority, ...left })
    }
    seen.add(priority)
  }
  return { facts, rest }
}

export function endpointItems({ assignment, path }: Assigned): readonly Item[] {
  return listAt(assignment, 'endpoints').flatMap((locality, index): readonly Item[] => {
    const at = `${path}.endpoints[${index}]`
    const place = ['region', 'zone', 'sub_zone']
      .map((name) => textAt(locality, 'locality', name))
      .join('/')
      .replace(/\/+$/, '')
    const priority = textAt(locality, 'priority')
    const called = [...(priority === '' ? [] : [`priority ${priority}`]), ...(place === '' ? [] : [place])].join(' ')
    const weight = textAt(locality, 'load_balancing_weight')
    const rest = without(locality, 'locality', 'priority', 'load_balancing_weight', 'lb_endpoints')
    const own: Item = {
      kind: 'locality',
      key: called,
      name: called === '' ? '(no locality)' : called,
      path: at,
      facts: weight === '' ? {} : { weight },
      rest,
      parts: [],
    }
    const endpoints = listAt(locality, 'lb_endpoints').map((one, slot) =>
      endpointItem(one, `${at}.lb_endpoints[${slot}]`, { ...(priority !== '' && { priority }), ...(place !== '' && { locality: place }) }),
    )
    return [...(called === '' && weight === '' && Object.keys(rest).length === 0 ? [] : [own]), ...endpoints]
  })
}

function endpointItem(one: Plain, path: string, where: Readonly<Record<string, string>>): Item {
  const endpoint = objectAt(one, 'endpoint')
  const name = textAt(one, 'endpoint_name') || addressOf(objectAt(endpoint, 'address'))
  const weight = textAt(one, 'load_balancing_weight') || '1'
  const status = textAt(one, 'health_status')
  const health = HEALTH[status] ?? status
  const left = without(endpoint, 'address')
  return {
    kind: 'endpoint',
    key: name,
    name,
    path,
    facts: { ...(weight !== '1' && { weight }), ...(health !== 'healthy' && { health }), ...where },
    rest: {
      ...without(one, 'endpoint', 'endpoint_name', 'load_balancing_weight', 'health_status'),
      ...(Object.keys(left).length > 0 && { endpoint: left }),
    },
    parts: [],
  }
}
