/**
 * One decoded resource of the input. Types, and how a resource is called in paths: lds["name"], cds, eds, rds, sds, ecds, bootstrap, else its full type name.
 */
import type { Cursor } from './cursor.ts'
import type { Origin } from './decode.ts'
import { get } from './json-object.ts'
import type { Message, RawAny } from './message.ts'

export type ResourceKind = 'lds' | 'cds' | 'eds' | 'rds' | 'sds' | 'ecds' | 'bootstrap' | 'other'

export interface Resource {
  readonly kind: ResourceKind
  /** full message name */
  readonly type: string
  /** a listener without a name is called by its address */
  readonly name: string
  /** e.g. cds["a"] */
  readonly path: string
  /** `static`: from a bootstrap's static_resources */
  readonly origin: Origin
  /** a proxy has loaded it: it is of a config dump */
  readonly loaded: boolean
  /** undefined for a type that is not in the schema */
  readonly cursor: Cursor | undefined
  readonly content: Message | RawAny
}

const KINDS: ReadonlyMap<string, ResourceKind> = new Map([
  ['envoy.config.listener.v3.Listener', 'lds'],
  ['envoy.config.cluster.v3.Cluster', 'cds'],
  ['envoy.config.endpoint.v3.ClusterLoadAssignment', 'eds'],
  ['envoy.config.route.v3.RouteConfiguration', 'rds'],
  ['envoy.extensions.transport_sockets.tls.v3.Secret', 'sds'],
  ['envoy.config.core.v3.TypedExtensionConfig', 'ecds'],
  ['envoy.config.bootstrap.v3.Bootstrap', 'bootstrap'],
])

export function kindOf(type: string): ResourceKind {
  return KINDS.get(type) ?? 'other'
}

export function pathOf(kind: ResourceKind, type: string, name: string): string {
  if (kind === 'bootstrap') return 'bootstrap'
  const root = kind !== 'other' ? kind : /^[A-Za-z_][\w.]*$/.test(type) ? type : 'resource'
  // joined, because a template keeps the parts beside the whole
  return [root, '[', JSON.stringify(name), ']'].join('')
}

/** The name in the value, else that of its envelope; '' when there is none. */
export function nameOf(kind: ResourceKind, value: unknown, envelope: string | undefined): string {
  const own = get(value, kind === 'eds' ? 'cluster_name' : 'name')
  if (typeof own === 'string' && own !== '') return own
  if (kind === 'lds') return envelope ?? listenerAddress(value)
  return envelope ?? ''
}

/** Envoy gives a listener without a name a random one; its address is as good and stays the same. */
function listenerAddress(value: unknown): string {
  const socket = get(get(value, 'address'), 'socket_address')
  const host = get(socket, 'address')
  const port = get(socket, 'port_value')
  return typeof host === 'string'
    ? `${host}:${typeof port === 'number' || typeof port === 'string' ? port : 0}${get(socket, 'protocol') === 'UDP' ? '/udp' : ''}`
    : ''
}
