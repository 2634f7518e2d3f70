/**
 * What the kernel's rows say of a connection of a client, for a report of one that is stuck; and how many are taken. In: an instance, a local port. Out: a line; numbers.
 */
import { CLIENTS, client as clientLayout, UPSTREAMS, upstream as upstreamLayout } from '../../proto/http/sockets.ts'
import { fieldOf } from '../../runtime/field.ts'
import type { OpenInstance } from '../../runtime/held-generation.ts'
import { withMapMemory } from '../../runtime/sys/map-memory.ts'
import { type Field, get, get64, type Layout } from '../../proto/layout.ts'

export interface TakenRows {
  readonly clients: number
  /** upstreams that belong to a client */
  readonly owned: number
}

export function takenRows(open: OpenInstance): TakenRows {
  let [clients, owned] = [0, 0]
  eachRow(open, 'km_client', clientLayout, CLIENTS, (read) => {
    if (read('cookie') !== 0n) clients++
  })
  eachRow(open, 'km_upstream', upstreamLayout, UPSTREAMS, (read) => {
    if (read('cookie') !== 0n && read('owner') !== 0n) owned++
  })
  return { clients, owned }
}

/** Connections that have this local port, in whatever namespace, each with its upstream. */
export function describePort(open: OpenInstance, port: number): readonly string[] {
  const found: { readonly text: string; readonly cookie: bigint; readonly upstream: bigint }[] = []
  eachRow(open, 'km_client', clientLayout, CLIENTS, (read) => {
    if (read('cookie') === 0n || read('local_port') !== BigInt(port)) return
    const text = textOf(read, CLIENT_FIELDS)
    found.push({ text: `client ${text}`, cookie: read('cookie'), upstream: read('upstream') })
  })
  return found.map(({ text, cookie, upstream }) => {
    const more: string[] = []
    eachRow(open, 'km_upstream', upstreamLayout, UPSTREAMS, (read) => {
      if (read('cookie') !== 0n && (read('owner') === cookie || read('cookie') === upstream))
        more.push(`upstream ${textOf(read, UPSTREAM_FIELDS)}`)
    })
    return [text, ...more].join('; ')
  })
}

const CLIENT_FIELDS = [
  ...['cookie', 'passed', 'upstream', 'acceptor', 'generation', 'requests', 'flags', 'reason'],
  // what user space waits for before it writes
  ...['egress', 'settled', 'carried', 'arrived', 'fence', 'queued'],
]
const UPSTREAM_FIELDS = [
  'cookie',
  'owner',
  'server',
  'remaining',
  'sent',
  'requests',
  'port',
  'flags',
  'phase',
  'counted',
  'status',
  'edit',
]

type Read = (field: string) => bigint

function eachRow({ tables }: OpenInstance, map: string, layout: Layout, rows: number, look: (read: Read) => void): void {
  withMapMemory(tables.fd(map), layout.size * rows, (view) => {
    for (let row = 0; row < rows; row++) look((name) => fieldValue(view, row * layout.size, fieldOf(layout, name)))
  })
}

function fieldValue(view: DataView, base: number, field: Field): bigint {
  return field.type === 'u64' ? get64(view, base, field, 0) : BigInt(get(view, base, field, 0))
}

function textOf(read: Read, fields: readonly string[]): string {
  return fields.map((name) => `${name} ${read(name) > 0xffffffffn ? `0x${read(name).toString(16)}` : read(name)}`).join(', ')
}
