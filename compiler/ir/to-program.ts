/**
 * Resources -> Program: names become references, Envoy's first-match order is kept, and it is decided whose listener an address is.
 * In: Resources. Out: a Program whose listeners all have a key; findings go to `diag`. Never throws on what a snapshot holds.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { ChainAction, Listener as ParsedListener, Resources } from '../parse/resources.ts'
import { type Clusters, toClusters } from './clusters.ts'
import { type ChainTarget, filterChains, reportOverlaps } from './filter-chains.ts'
import { askedSubsets } from '../http/asked-subsets.ts'
import { NO_CRITERIA } from '../http/subset-criteria.ts'
import { reportHttp2 } from './http2-connections.ts'
import { listenerKeys } from './listener-keys.ts'
import { onlyCluster } from './only-cluster.ts'
import type { Action, HttpService, Listener, Program } from './program.ts'

/**
 * `services`: connection managers with their routes, by path of the connection manager; one that is not among them has no routes in the snapshot.
 * `most`: endpoints that are kept; with more, the balance of a cluster is made anew each time it is asked for.
 */
export function toProgram(resources: Resources, services: ReadonlyMap<string, HttpService>, diag: Diagnostics, most?: number): Program {
  const clusters = toClusters(resources, diag, most)
  const keys = listenerKeys(resources, diag)
  const used = new Map<HttpService, number>()
  const http: HttpServices = {
    find: (manager) => services.get(manager),
    number: (service) => {
      const index = used.get(service) ?? used.size
      used.set(service, index)
      return index
    },
  }
  const listeners = [...resources.listeners]
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .flatMap((listener): readonly Listener[] => {
      const own = keys.get(listener) ?? []
      if (own.length === 0) {
        reportOverlaps(listener, diag)
        return []
      }
      return [
        {
          name: listener.name,
          path: listener.path,
          protocol: listener.protocol,
          keys: own,
          ...meaningOf(listener, new Actions(listener, clusters, resources, http, diag), diag),
        },
      ]
    })
  return { listeners, clusters: clusters.list, services: [...used.keys()] }
}

function meaningOf(listener: ParsedListener, actions: Actions, diag: Diagnostics): Pick<Listener, 'chains' | 'fallback'> {
  const { divert, path, datagrams, protocol } = listener
  if (divert !== undefined) {
    reportOverlaps(listener, diag)
    diag.report({
      code: 'KM1201',
      severity: 'warning',
      path: divert.path,
      message: `listener "${listener.name}" needs user space: ${divert.why}; it is diverted`,
      fix: 'remove what is named, or let a proxy serve this address',
    })
    return { chains: [], fallback: { kind: 'divert', ...divert } }
  }
  if (protocol === 'udp')
    return { chains: [], fallback: datagrams === undefined ? { kind: 'refuse', path, reason: 'no_filter_chain' } : actions.of(datagrams) }
  const chains = filterChains(listener, (target) => (target.kind === 'fallback' ? actions.ofFallback() : actions.ofTarget(target)), diag)
  return { chains, fallback: actions.ofFallback() }
}

const FIXES = {
  KM1202: 'remove what is named, or let a proxy serve this address',
  KM1203: 'remove the filter, or let a proxy serve this address',
  KM1204: 'tell the chains apart by destination port or address',
  KM1205: 'tell the chains apart by destination port or address',
  KM1215: 'remove one of the two chains',
  KM1701: 'capture the route configurations too, or tell the chains apart by destination port or address',
} as const

interface HttpServices {
  /** by path of the connection manager */
  find(manager: string): HttpService | undefined
  /** where it is in Program.services */
  number(service: HttpService): number
}

class Actions {
  private readonly listener: ParsedListener
  private readonly clusters: Clusters
  private readonly resources: Resources
  private readonly http: HttpServices
  private readonly diag: Diagnostics

  constructor(listener: ParsedListener, clusters: Clusters, resources: Resources, http: HttpServices, diag: Diagnostics) {
    this.listener = listener
    this.clusters = clusters
    this.resources = resources
    this.http = http
    this.diag = diag
  }

  ofTarget(target: Exclude<ChainTarget, { kind: 'fallback' }>): Action {
    if (target.kind === 'chain') return this.of(target.chain.action)
    if (target.kind === 'divert') return this.divert(target.code, target.path, target.why)
    const { action } = target.chain
    if (action.kind !== 'http') return this.of(action)
    return this.toService(action, {
      protocols: target.protocols,
      otherwise: target.otherwise.kind === 'fallback' ? this.ofFallback() : this.ofTarget(target.otherwise),
    })
  }

  of(action: ChainAction): Action {
    switch (action.kind) {
      case 'refuse':
        return action
      case 'divert':
        return this.divert(action.code, action.path, action.why)
      case 'cluster':
        return this.toCluster(action)
      case 'weighted':
        return this.toWeighted(action)
      case 'http':
        return this.toService(action)
    }
  }

  /** Where no filter chain fits. */
  ofFallback(): Action {
    const { defaultChain, path } = this.listener
    return defaultChain === undefined ? { kind: 'refuse', path, reason: 'no_filter_chain' } : this.of(defaultChain.action)
  }

  private toService({ path, manager }: Extract<ChainAction, { kind: 'http' }>, sniffed?: HttpService['sniffed']): Action {
    const service = this.http.find(manager)
    if (service === undefined) return this.divert('KM1701', path, 'http_connection_manager whose routes are not in the snapshot')
    const direct = sniffed === undefined ? onlyCluster(service) : undefined
    // a server of HTTP/2 needs somebody who looks at what its clients speak
    if (direct !== undefined && !this.speaksHttp2(direct.cluster))
      return this.toCluster({ kind: 'cluster', path: direct.path, cluster: direct.cluster, hash: { kind: 'none' } })
    const used = sniffed === undefined ? service : { ...service, sniffed }
    for (const [cluster, criteria] of askedSubsets(used.routes)) this.clusters.subset(cluster, criteria)
    reportHttp2(used, (cluster) => this.speaksHttp2(cluster), this.diag)
    return { kind: 'http', path, service: this.http.number(used) }
  }

  private speaksHttp2(cluster: string): boolean {
    return this.clusters.list[this.clusters.byName.get(cluster) ?? -1]?.http2 === true
  }

  private toCluster({ path, cluster, criteria, hash }: Extract<ChainAction, { kind: 'cluster' }>): Action {
    const index = this.clusters.subset(cluster, criteria ?? NO_CRITERIA)
    if (index === undefined) {
      this.unknown(path, cluster)
      return { kind: 'refuse', path, reason: 'unknown_cluster' }
    }
    if (this.passes(index) && !this.restores()) {
      const message = `listener "${this.listener.name}" leads to the ORIGINAL_DST cluster "${cluster}" and never learns an original destination; connections are refused (no_endpoint)`
      this.diag.report({
        code: 'KM1216',
        severity: 'warning',
        path,
        message,
        fix: 'use another cluster, or a listener with use_original_dst',
      })
      return { kind: 'refuse', path, reason: 'no_endpoint' }
    }
    return { kind: 'cluster', path, cluster: index, hash }
  }

  private toWeighted({ path, clusters, hash }: Extract<ChainAction, { kind: 'weighted' }>): Action {
    const shares = clusters.map(({ path: place, cluster, criteria, weight }) => {
      const index = this.clusters.subset(cluster, criteria)
      if (index === undefined) this.unknown(place, cluster)
      return { cluster: index ?? null, weight }
    })
    if (!this.restores() && shares.some(({ cluster }) => cluster !== null && this.passes(cluster))) {
      return this.divert('KM1202', path, 'a share for original destinations, which are never known here')
    }
    return { kind: 'weighted', path, clusters: shares, hash }
  }

  private passes(index: number): boolean {
    return this.clusters.list[index]?.target.kind === 'original_dst'
  }

  /** Envoy knows an original destination only where a connection was redirected, which UDP never is (tried). */
  private restores(): boolean {
    return this.listener.protocol === 'tcp' && (this.resources.redirected || !this.listener.bindToPort)
  }

  private unknown(path: string, cluster: string): void {
    this.diag.report({
      code: 'KM1213',
      severity: 'warning',
      path,
      message: `cluster "${cluster}" is not in the snapshot; its connections are refused (unknown_cluster)`,
      fix: 'add the cluster, or correct the name',
    })
  }

  private divert(code: keyof typeof FIXES, path: string, why: string): Action {
    this.diag.report({
      code,
      severity: 'warning',
      path,
      message: `listener "${this.listener.name}" needs user space: ${why}; its connections are diverted`,
      fix: FIXES[code],
    })
    return { kind: 'divert', path, why }
  }
}
