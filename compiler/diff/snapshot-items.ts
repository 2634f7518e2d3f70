/**
 * A snapshot as items. In: decoded resources. Out: one item each, endpoint assignments inside the clusters that use them, and what each listener leads to.
 */
import type { Resource } from '../input/resource.ts'
import { type Assigned, clusterItem, endpointItems } from './cluster-items.ts'
import type { Item } from './item.ts'
import { listenerItem } from './listener-items.ts'
import { type PlainObject, textAt, toPlain, without } from './plain.ts'
import { routeConfigurationItem } from './route-items.ts'

export function snapshotItems(resources: readonly Resource[]): readonly Item[] {
  const assignments = new Map<string, Assigned>()
  for (const { kind, name, path, content } of resources) if (kind === 'eds') assignments.set(name, { assignment: toPlain(content), path })
  const used = new Set<string>()
  const items = resources.flatMap(({ kind, type, name, path, content }): readonly Item[] => {
    if (kind === 'eds') return []
    const plain = toPlain(content)
    switch (kind) {
      case 'lds':
        return [listenerItem(plain, name, path)]
      case 'rds':
        return [routeConfigurationItem(plain, path)]
      case 'cds': {
        const service = serviceName(plain, name)
        const eds = service === undefined ? undefined : assignments.get(service)
        if (eds !== undefined) used.add(service as string)
        return [clusterItem(plain, name, path, eds)]
      }
      default:
        return [
          {
            kind: 'resource',
            key: path,
            name: kind === 'other' ? `${type} ${JSON.stringify(name)}` : path,
            path,
            facts: {},
            rest: plain,
            parts: [],
          },
        ]
    }
  })
  const alone = [...assignments].filter(([name]) => !used.has(name)).map(([name, assigned]) => aloneItem(name, assigned))
  return [...items, ...alone]
}

/** Under which name Envoy asks for the endpoints of an EDS cluster; undefined for other clusters. */
function serviceName(cluster: PlainObject, name: string): string | undefined {
  return textAt(cluster, 'type') === 'EDS' ? textAt(cluster, 'eds_cluster_config', 'service_name') || name : undefined
}

/** Endpoints without a cluster in the same snapshot, as in a dump of EDS alone. */
function aloneItem(name: string, assigned: Assigned): Item {
  return {
    kind: 'resource',
    key: assigned.path,
    name: `endpoints of ${JSON.stringify(name)}`,
    path: assigned.path,
    facts: {},
    rest: without(assigned.assignment, 'cluster_name', 'endpoints'),
    parts: endpointItems(assigned),
    clusters: [name],
  }
}
