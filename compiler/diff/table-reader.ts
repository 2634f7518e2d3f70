/**
 * Rows of the kernel's tables, read by name. In: bytes of a table and the layout of its rows. Out: numbers and addresses.
 */
import * as abi from '../../proto/abi.ts'
import { type Field, type Layout, get, get64 } from '../../proto/layout.ts'
import { addressPortText, prefixText } from '../../proto/address/address-text.ts'
import { isMapped } from '../../proto/address/mapped.ts'
import { swap16 } from '../../proto/byte-order.ts'
import type { Compiled } from './compiled.ts'

export interface Row {
  number(field: string): number
  big(field: string): bigint
  bytes(field: string): Uint8Array
}

export function rowAt(table: Uint8Array, layout: Layout, index: number, stride = layout.size): Row {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength)
  const base = index * stride
  const field = (name: string): Field => layout.fields[name] as Field
  return {
    number: (name) => get(view, base, field(name)),
    big: (name) => get64(view, base, field(name)),
    bytes: (name) => table.subarray(base + field(name).offset, base + field(name).offset + field(name).count),
  }
}

export function rowCount(table: Uint8Array, layout: Layout): number {
  return table.length / layout.size
}

const UDP = 17

/** "10.0.0.1:80", "udp 10.0.0.1:53"; "*" and "[*]" for the catch-alls */
export function listenerKeyText(row: Row): string {
  const address = row.bytes('address')
  const port = row.number('port')
  const text = port === 0 ? (isMapped(address) ? '*' : '[*]') : addressPortText(address, port)
  return row.number('protocol') === UDP ? `udp ${text}` : text
}

export function matchKeyText(row: Row): string {
  const port = swap16(row.number('port'))
  const bits = row.number('length') - 64
  const address = row.bytes('address')
  const range = bits <= 0 ? '' : prefixText({ address, bits })
  return [...(port === 0 ? [] : [`destination_port ${port}`]), ...(range === '' ? [] : [`prefix_ranges ${range}`])].join(', ') || 'any'
}

export interface ChainFacts {
  readonly action: string
  readonly weights: readonly { readonly cluster: string; readonly weight: string }[]
  readonly clusters: readonly string[]
}

const reasonName = (reason: number): string => Object.entries(abi.REASONS).find(([, value]) => value === reason)?.[0] ?? String(reason)

/** What a row of km_chain does, by cluster name. */
export function chainFacts({ tables, names }: Compiled, index: number): ChainFacts {
  const head = rowAt(tables.chain, abi.chain, index)
  const name = (cluster: number): string => names.clusters[cluster]?.name ?? `#${cluster}`
  const flags = head.number('flags')
  const hash =
    flags & abi.CHAIN_HASH_SOURCE_IP ? ', hash source_ip' : flags & abi.CHAIN_HASH_CONSTANT ? `, hash ${head.big('hash').toString(16)}` : ''
  const target = head.number('target')
  switch (head.number('kind')) {
    case abi.CHAIN_CLUSTER:
      return { action: `cluster ${JSON.stringify(name(target))}${hash}`, weights: [], clusters: [name(target)] }
    case abi.CHAIN_PASS:
      return { action: `pass (${JSON.stringify(name(target))})`, weights: [], clusters: [name(target)] }
    case abi.CHAIN_REFUSE:
      return { action: `refuse ${reasonName(head.number('reason'))}`, weights: [], clusters: [] }
    case abi.CHAIN_WEIGHTED: {
      let below = 0n
      const weights = Array.from({ length: head.number('count') }, (_, share) => {
        const row = rowAt(tables.chain, abi.weighted, target + share)
        const weight = row.big('upto') - below
        below = row.big('upto')
        return { cluster: name(row.number('cluster')), weight: String(weight) }
      })
      return { action: `weighted clusters${hash}`, weights, clusters: weights.map(({ cluster }) => cluster) }
    }
    default:
      return { action: 'diverted', weights: [], clusters: [] }
  }
}

/** Rows of km_endpoint that belong to a cluster: its tiers, and where its block begins. */
export function clusterBlock({ tables }: Compiled, index: number): { readonly first: number; readonly tiers: number } {
  const at = index * abi.cluster.size + (abi.cluster.fields.cells as Field).offset
  const cell = rowAt(tables.cluster.subarray(at), abi.cell, 0)
  return { first: cell.number('first'), tiers: cell.number('tiers') }
}
