/**
 * What is subscribed, in Envoy's order: clusters before their endpoints, listeners before their routes. Types and a list.
 * Secrets (SDS) are left out on purpose: a snapshot is a file, and private keys do not belong there.
 */
export type FetchKind = 'cds' | 'eds' | 'lds' | 'srds' | 'ecds' | 'rds'

export interface KindEntry {
  readonly kind: FetchKind
  /** full message name */
  readonly type: string
  /** for people */
  readonly title: string
  /** the field that names a resource */
  readonly key: 'name' | 'cluster_name'
}

export const KINDS: readonly KindEntry[] = [
  { kind: 'cds', type: 'envoy.config.cluster.v3.Cluster', title: 'clusters', key: 'name' },
  { kind: 'eds', type: 'envoy.config.endpoint.v3.ClusterLoadAssignment', title: 'endpoint assignments', key: 'cluster_name' },
  { kind: 'lds', type: 'envoy.config.listener.v3.Listener', title: 'listeners', key: 'name' },
  { kind: 'srds', type: 'envoy.config.route.v3.ScopedRouteConfiguration', title: 'scoped routes', key: 'name' },
  { kind: 'ecds', type: 'envoy.config.core.v3.TypedExtensionConfig', title: 'extension configurations', key: 'name' },
  { kind: 'rds', type: 'envoy.config.route.v3.RouteConfiguration', title: 'route configurations', key: 'name' },
]

export function typeUrl({ type }: Pick<KindEntry, 'type'>): string {
  return `type.googleapis.com/${type}`
}

export function kindEntry(kind: FetchKind): KindEntry {
  return KINDS.find((entry) => entry.kind === kind) as KindEntry
}
