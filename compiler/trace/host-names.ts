/**
 * Host names of endpoints, for auto_host_rewrite. In: the decoded clusters and assignments. Out: the host name of a cluster's first endpoint that has one: its
 * `hostname`, or in a DNS cluster the name that is looked up. Invariant: a cluster is read when it is first asked for.
 * Source: Envoy's endpoint.proto; strict_dns_cluster.cc and logical_dns_cluster.cc for the name of a DNS cluster.
 */
import type { Cursor } from '../input/cursor.ts'
import type { Resource } from '../input/resource.ts'

const BY_NAME: ReadonlySet<string> = new Set(['STRICT_DNS', 'LOGICAL_DNS'])

export function createHostNames(resources: readonly Resource[]): (cluster: string) => string | undefined {
  const all = createAllHostNames(resources)
  return (cluster) => all(cluster).find((name) => name !== '')
}

/** Different names of all endpoints, in their order; '' is that of an endpoint that has none. */
export function createAllHostNames(resources: readonly Resource[]): (cluster: string) => readonly string[] {
  const clusters = cursorsOf(resources, 'cds')
  const assignments = cursorsOf(resources, 'eds')
  const known = new Map<string, readonly string[]>()
  return (name) => {
    const held = known.get(name)
    if (held !== undefined) return held
    const cluster = clusters.get(name)
    const found = cluster === undefined ? [] : [...new Set(hostNames(cluster, assignments))]
    known.set(name, found)
    return found
  }
}

function cursorsOf(resources: readonly Resource[], of: Resource['kind']): ReadonlyMap<string, Cursor> {
  return new Map(resources.flatMap(({ kind, name, cursor }) => (kind === of && cursor !== undefined ? [[name, cursor] as const] : [])))
}

function* hostNames(cluster: Cursor, assignments: ReadonlyMap<string, Cursor>): Iterable<string> {
  const service = cluster.message('eds_cluster_config')?.string('service_name') || cluster.string('name') || ''
  const assignment = cluster.message('load_assignment') ?? assignments.get(service)
  const byName = BY_NAME.has(cluster.enum('type') ?? '')
  for (const locality of assignment?.messages('endpoints') ?? []) {
    for (const entry of locality.messages('lb_endpoints')) {
      const endpoint = entry.message('endpoint')
      yield endpoint?.string('hostname') || (byName ? endpoint?.message('address')?.message('socket_address')?.string('address') : '') || ''
    }
  }
}
