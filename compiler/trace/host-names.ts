/**
 * Host names of endpoints, for auto_host_rewrite. In: the decoded clusters and assignments. Out: the host name of a cluster's first endpoint that has one: its
 * `hostname`, or in a DNS cluster the name that is looked up. Invariant: a cluster is read when it is first asked for.
 * Source: Envoy's endpoint.proto; strict_dns_cluster.cc and logical_dns_cluster.cc for the name of a DNS cluster.
 */
import type { Cursor } from '../input/cursor.ts'
import type { Resource } from '../input/resource.ts'

const BY_NAME: ReadonlySet<string> = new Set(['STRICT_DNS', 'LOGICAL_DNS'])

export function createHostNames(resources: readonly Resource[]): (cluster: string) => string | undefined {
  const clusters = cursorsOf(resources, 'cds')
  const assignments = cursorsOf(resources, 'eds')
  const known = new Map<string, string | undefined>()
  return (name) => {
    if (known.has(name)) return known.get(name)
    const cluster = clusters.get(name)
    const found = cluster === undefined ? undefined : hostName(cluster, assignments)
    known.set(name, found)
    return found
  }
}

function cursorsOf(resources: readonly Resource[], of: Resource['kind']): ReadonlyMap<string, Cursor> {
  return new Map(resources.flatMap(({ kind, name, cursor }) => (kind === of && cursor !== undefined ? [[name, cursor] as const] : [])))
}

function hostName(cluster: Cursor, assignments: ReadonlyMap<string, Cursor>): string | undefined {
  const service = cluster.message('eds_cluster_config')?.string('service_name') || cluster.string('name') || ''
  const assignment = cluster.message('load_assignment') ?? assignments.get(service)
  const byName = BY_NAME.has(cluster.enum('type') ?? '')
  for (const locality of assignment?.messages('endpoints') ?? []) {
    for (const entry of locality.messages('lb_endpoints')) {
      const endpoint = entry.message('endpoint')
      const name =
        endpoint?.string('hostname') || (byName ? endpoint?.message('address')?.message('socket_address')?.string('address') : undefined)
      if (name !== undefined && name !== '') return name
    }
  }
  return undefined
}
