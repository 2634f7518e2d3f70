/**
 * Parsed clusters -> clusters of a Program. In: Resources. Out: clusters by name, and where each name is. What cannot be done refuses every connection
 * with its reason and is told to the user; it is never approximated.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import { type Criteria, criteriaText, NO_CRITERIA } from '../http/subset-criteria.ts'
import type { Assignment, Cluster as ParsedCluster, Resources } from '../parse/resources.ts'
import { balanceOf, reportAddresses } from './balance.ts'
import type { Balance, Cluster, ClusterRef } from './program.ts'
import { chooseSubset } from './subsets.ts'
import { transportOf } from './transport.ts'

export interface Clusters {
  /** grows with the subsets that are asked for */
  readonly list: readonly Cluster[]
  readonly byName: ReadonlyMap<string, ClusterRef>
  /** What criteria choose of a cluster: itself where it has no subsets; undefined: there is no such cluster. */
  subset(name: string, criteria: Criteria): ClusterRef | undefined
}

/** `most`: endpoints that are in memory from here on; those of the clusters behind are read again whenever somebody asks, and not kept */
export function toClusters(resources: Resources, diag: Diagnostics, most: number = Number.POSITIVE_INFINITY): Clusters {
  const quiet: Diagnostics = { list: [], failed: false, report: (finding) => finding.severity === 'error' && diag.report(finding) }
  const hidden = onlyInbound(resources)
  const sorted = [...resources.clusters].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const { assignments, resolve, plaintextTo } = resources
  const surroundings = { assignments, resolve, plaintextTo }
  let kept = 0
  const keep = (target: Cluster['target'], cluster: ParsedCluster): Cluster['target'] => {
    if (target.kind !== 'balance') return target
    if (kept >= most) return new LaterTarget(cluster, surroundings)
    for (const { localities } of target.balance.priorities) for (const { endpoints } of localities) kept += endpoints.length
    return target
  }
  const list = sorted.map(
    (cluster): Cluster => ({
      name: cluster.name,
      path: cluster.path,
      target: keep(targetOf(cluster, surroundings, hidden.has(cluster.name) ? quiet : diag), cluster),
      maxConnections: cluster.maxConnections,
      ...(cluster.http2 === true && { http2: true }),
      ...(cluster.subsets !== undefined && { subsets: true }),
    }),
  )
  const byName = new Map(list.map(({ name }, index) => [name, index]))
  const subsets = new Map<string, ClusterRef>()
  const subset = (name: string, criteria: Criteria): ClusterRef | undefined => {
    const base = byName.get(name)
    const parsed = base === undefined ? undefined : sorted[base]
    if (parsed?.subsets === undefined || criteria.length === 0) return base
    const full = subsetName(name, criteria)
    const held = subsets.get(full)
    if (held !== undefined) return held
    const target = targetOf(parsed, surroundings, SILENT, criteria)
    subsets.set(full, list.length)
    return (
      list.push({ ...(list[base as number] as Cluster), name: full, target, subset: { of: name, criteria: criteriaText(criteria) } }) - 1
    )
  }
  return { list, byName, subset }
}

/** The name of a subset among clusters. */
export function subsetName(cluster: string, criteria: Criteria): string {
  return `${cluster} ${criteriaText(criteria)}`
}

/** What there is to tell of a cluster is told once. */
const SILENT: Diagnostics = { list: [], failed: false, report: () => undefined }

/** A balance that is made when somebody asks, and not kept. What there is to tell of it was told. */
class LaterTarget {
  private readonly cluster: ParsedCluster
  private readonly surroundings: Surroundings

  constructor(cluster: ParsedCluster, surroundings: Surroundings) {
    this.cluster = cluster
    this.surroundings = surroundings
  }

  get kind(): 'balance' {
    return 'balance'
  }

  get balance(): Balance {
    const target = targetOf(this.cluster, this.surroundings, SILENT)
    if (target.kind !== 'balance') throw new Error(`cluster ${this.cluster.name} was balanced before`)
    return target.balance
  }
}

/** Clusters that only listeners lead to which are not installed: that they cannot be done here changes nothing for anybody. */
function onlyInbound({ listeners }: Resources): ReadonlySet<string> {
  const hidden = new Set(listeners.flatMap((listener) => listener.inboundClusters))
  for (const { direction, chains, defaultChain, datagrams } of listeners) {
    if (direction === 'INBOUND') continue
    for (const action of [...chains.map((chain) => chain.action), defaultChain?.action, datagrams]) {
      if (action?.kind === 'cluster') hidden.delete(action.cluster)
      else if (action?.kind === 'weighted') for (const { cluster } of action.clusters) hidden.delete(cluster)
    }
  }
  return hidden
}

/** What the endpoints of a cluster depend on, besides itself. */
export type Surroundings = Pick<Resources, 'assignments' | 'resolve' | 'plaintextTo'>

export function targetOf(
  cluster: ParsedCluster,
  resources: Surroundings,
  diag: Diagnostics,
  criteria: Criteria = NO_CRITERIA,
): Cluster['target'] {
  const { name, path, discovery, divert } = cluster
  if (divert !== undefined || (cluster.balance === undefined && discovery.kind !== 'original_dst')) {
    if (discovery.kind === 'static') reportAddresses(cluster, discovery.assignment, diag)
    if (!cluster.balanceReported) {
      diag.report({
        code: 'KM1307',
        severity: 'warning',
        path: divert?.path ?? path,
        message: `cluster "${name}" needs user space: ${divert?.why ?? ''}; connections to it are refused (diverted)`,
        fix: 'remove what is named, or let a proxy serve this cluster',
      })
    }
    return { kind: 'refuse', reason: 'diverted', why: divert?.why ?? '' }
  }
  if (discovery.kind === 'original_dst') {
    const need = transportOf(cluster.transport, resources.plaintextTo)(undefined, undefined)
    if (need === undefined) return { kind: 'original_dst' }
    diag.report({
      code: 'KM1301',
      severity: 'warning',
      path: need.path,
      message: `cluster "${name}": original destinations need ${need.why}; connections to it are refused (tls)`,
      fix: 'let a proxy serve this cluster',
    })
    return { kind: 'refuse', reason: 'tls', why: `original destinations need ${need.why}` }
  }
  const assignment = discovery.kind === 'eds' ? resources.assignments.get(discovery.service) : discovery.assignment
  if (assignment === undefined) {
    const service = discovery.kind === 'eds' ? discovery.service : ''
    diag.report({
      code: 'KM1308',
      severity: 'warning',
      path,
      message: `cluster "${name}" has no endpoints: the snapshot has no ClusterLoadAssignment "${service}"; connections to it are refused (no_endpoint)`,
      fix: 'add the endpoints (EDS) to the snapshot',
    })
  } else if (assignment.divert !== undefined) {
    const { path: place, why } = assignment.divert
    diag.report({
      code: 'KM1307',
      severity: 'warning',
      path: place,
      message: `cluster "${name}" needs user space: ${why}; connections to it are refused (diverted)`,
      fix: 'remove what is named, or let a proxy serve this cluster',
    })
    return { kind: 'refuse', reason: 'diverted', why }
  }
  if (assignment?.additional !== undefined) {
    diag.report({
      code: 'KM1313',
      severity: 'warning',
      path: assignment.additional,
      message: `cluster "${name}": additional addresses of endpoints are not tried when the first does not answer`,
      fix: 'nothing, if the first address is reachable',
    })
  }
  const settings = cluster.balance as NonNullable<ParsedCluster['balance']>
  if (cluster.subsets === undefined) return balanceOf(cluster, assignment ?? NOBODY, settings, resources, diag)
  const { subsets } = cluster
  const localityWeighted = settings.localityWeighted && subsets.localityWeightAware
  const all = (assignment ?? NOBODY).localities.flatMap(({ endpoints }) => endpoints.map(({ lb }) => lb))
  const chosen = chooseSubset(subsets, criteria, all)
  return balanceOf(cluster, assignment ?? NOBODY, { ...settings, localityWeighted }, resources, diag, chosen)
}

const NOBODY: Assignment = {
  name: '',
  path: '',
  localities: [],
  overprovisioningFactor: 140,
  weightedPriorityHealth: false,
  divert: undefined,
  additional: undefined,
}
