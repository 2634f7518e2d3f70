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
  const frame: ServicesDocument = {
    schemaVersion: 1,
    resolve: Object.fromEntries([...options.resolve].sort(([a], [b]) => (a < b ? -1 : 1))),
    plaintextTo: [...options.plaintextTo].sort(),
    resources: [],
  }
  const parts = [Buffer.from(JSON.stringify(frame).slice(0, -END.length))]
  let size = parts[0]?.length ?? 0
  for (const resource of resources) {
    const made = kept(resource, listeners)
    if (made === undefined) continue
    const text = Buffer.from(`${parts.length === 1 ? '' : ','}${aligning(size + (parts.length === 1 ? 0 : 1))}${JSON.stringify(made)}`)
    parts.push(text)
    size += text.length
  }
  return Buffer.concat([...parts, Buffer.from(END)])
}

const END = ']}'
/** Resources begin at multiples of it, so that what is behind one that changed is moved by whole units (pack/pieces.ts). */
const UNIT = 16

/** white space from here on to where a resource may begin */
function aligning(at: number): string {
  return ' '.repeat((UNIT - (at % UNIT)) % UNIT)
}

/** The text of a resource in the document. */
export function serviceText(resource: Resource): string {
  const made = kept(resource, [])
  return made === undefined ? '' : JSON.stringify(made)
}

/** The document with another text in the place of one that stands in it once; undefined where it does not. */
export function replaceService(document: Uint8Array, before: string, after: string): Uint8Array | undefined {
  const bytes = Buffer.from(document.buffer, document.byteOffset, document.byteLength)
  const old = Buffer.from(before)
  const at = bytes.indexOf(old)
  if (old.length === 0 || at < 0 || bytes.lastIndexOf(old) !== at) return undefined
  const text = Buffer.from(after)
  let behind = at + old.length
  if (bytes[behind] !== 0x2c) return Buffer.concat([bytes.subarray(0, at), text, bytes.subarray(behind)])
  behind++
  while (bytes[behind] === 0x20) behind++
  return Buffer.concat([bytes.subarray(0, at), text, Buffer.from(`,${aligning(at + text.length + 1)}`), bytes.subarray(behind)])
}

/** Paths of the resources in the document, in its order. */
export function servicesOrder(resources: readonly Resource[]): readonly string[] {
  const listeners = resources.filter(({ kind, cursor }) => kind === 'lds' && cursor !== undefined && isHttpListener(cursor))
  if (listeners.length === 0) return []
  return resources.filter((resource) => isKept(resource, listeners)).map(({ path }) => path)
}

function isKept(resource: Resource, listeners: readonly Resource[]): boolean {
  if (resource.cursor === undefined) return false
  if (resource.kind === 'lds') return listeners.includes(resource)
  return ['rds', 'cds', 'eds', 'bootstrap'].includes(resource.kind)
}

function kept(resource: Resource, listeners: readonly Resource[]): JsonFields | undefined {
  if (!isKept(resource, listeners)) return undefined
  const fields = toJson(resource.content)
  if (resource.kind !== 'bootstrap') return plain(fields)
  const { '@type': type, node, layered_runtime } = fields
  return { '@type': type, ...(node !== undefined && { node }), ...(layered_runtime !== undefined && { layered_runtime }) }
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
