/**
 * The HTTP side of a snapshot for the slow path (proto/http/services.ts says what is in it). In: decoded resources and what the user said beside them. Out: the
 * document's bytes; undefined where no listener has a connection manager. Where phases meet: decoded by input/, read by http/.
 * Invariant: the same resources give the same bytes; keys and certificates are left out.
 */
import type { ServicesDocument } from '../proto/http/services.ts'
import type { Cursor } from './input/cursor.ts'
import type { Resource } from './input/resource.ts'
import { type JsonFields, toJson } from './input/to-json.ts'

const MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'

export interface ServicesOptions {
  readonly resolve: ReadonlyMap<string, readonly string[]>
  readonly plaintextTo: ReadonlySet<string>
}

export function servicesDocument(resources: readonly Resource[], options: ServicesOptions): Uint8Array | undefined {
  const listeners = resources.filter(({ kind, cursor }) => kind === 'lds' && cursor !== undefined && isHttpListener(cursor))
  if (listeners.length === 0) return undefined
  const document: ServicesDocument = {
    schemaVersion: 1,
    resolve: Object.fromEntries([...options.resolve].sort(([a], [b]) => (a < b ? -1 : 1))),
    plaintextTo: [...options.plaintextTo].sort(),
    resources: resources.flatMap((resource): readonly JsonFields[] => {
      const made = kept(resource, listeners)
      return made === undefined ? [] : [made]
    }),
  }
  return Buffer.from(JSON.stringify(document))
}

function kept(resource: Resource, listeners: readonly Resource[]): JsonFields | undefined {
  const { kind, content, cursor } = resource
  if (cursor === undefined) return undefined
  switch (kind) {
    case 'lds':
      return listeners.includes(resource) ? plain(toJson(content)) : undefined
    case 'rds':
    case 'cds':
    case 'eds':
      return plain(toJson(content))
    case 'bootstrap': {
      const { '@type': type, node, layered_runtime } = toJson(content)
      return { '@type': type, ...(node !== undefined && { node }), ...(layered_runtime !== undefined && { layered_runtime }) }
    }
    default:
      return undefined
  }
}

/** Inbound listeners govern what arrives at a workload; nobody dials them here. */
export function isHttpListener(listener: Cursor): boolean {
  if (listener.enum('traffic_direction') === 'INBOUND') return false
  const last = listener.message('default_filter_chain')
  return [...listener.messages('filter_chains'), ...(last === undefined ? [] : [last])].some((chain) =>
    chain.messages('filters').some((filter) => filter.has('typed_config') && filter.any('typed_config')?.type === MANAGER),
  )
}

/** Watching nobody, and of TLS only that it is TLS. */
const LEFT_OUT: ReadonlySet<string> = new Set(['access_log', 'tracing'])

function plain(value: JsonFields): JsonFields {
  const type = value['@type']
  if (typeof type === 'string' && /\.(?:Downstream|Upstream)TlsContext$/.test(type)) return { '@type': type }
  return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (LEFT_OUT.has(key) ? [] : [[key, below(item)] as const])))
}

function below(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(below)
  return typeof value === 'object' && value !== null ? plain(value as JsonFields) : value
}
