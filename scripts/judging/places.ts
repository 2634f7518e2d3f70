/**
 * Which endpoints an artifact can choose. In: the tables of a compiled artifact; out: their addresses, each once.
 * It follows heads to cells to tiers to groups to endpoints as the kernel programs do, so a row that nothing reaches is not reported.
 */
import { CLUSTER_CELLS, ROW_SIZE, cell, cluster, endpoint, group, tier } from '../../proto/abi.ts'
import { get } from '../../proto/layout.ts'
import type { ArtifactTables } from '../../proto/artifact/format.ts'

export interface Place {
  /** as people write it, without brackets */
  readonly address: string
  readonly port: number
}

type Layout = typeof tier

export function endpointsOf(tables: Pick<ArtifactTables, 'cluster' | 'endpoint'>): readonly Place[] {
  const heads = new DataView(tables.cluster.buffer, tables.cluster.byteOffset, tables.cluster.byteLength)
  const rows = new DataView(tables.endpoint.buffer, tables.endpoint.byteOffset, tables.endpoint.byteLength)
  const found = new Map<string, Place>()
  for (let head = 0; head < heads.byteLength; head += cluster.size) {
    for (let index = 0; index < CLUSTER_CELLS; index++) {
      const at = head + (cluster.fields.cells?.offset ?? 0) + index * cell.size
      const first = get(heads, at, field(cell, 'first'))
      const read = (layout: Layout, row: number, name: string): number => get(rows, (first + row) * ROW_SIZE, field(layout, name))
      for (let number = 0; number < get(heads, at, field(cell, 'tiers')); number++) {
        const groups = read(tier, number, 'group')
        for (let which = groups; which < groups + read(tier, number, 'groups'); which++) {
          const start = read(group, which, 'first')
          for (let row = start; row < start + read(group, which, 'count'); row++) {
            const bytes = tables.endpoint.subarray((first + row) * ROW_SIZE, (first + row) * ROW_SIZE + 16)
            const place = { address: addressText(bytes), port: read(endpoint, row, 'port') }
            found.set(placeText(place), place)
          }
        }
      }
    }
  }
  return [...found.values()]
}

/** "10.0.0.1:80" or "[fd00::1]:80": how answers name a place. */
export function placeText({ address, port }: Place): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** Text of 16 bytes, IPv4-mapped or IPv6, as inet_ntop writes it (RFC 5952). */
export function addressText(bytes: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0))
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) return bytes.subarray(12).join('.')
  return canonical(`[${words.map((word) => word.toString(16)).join(':')}]`)
}

/** An IPv6 address in brackets in its shortest form, without them: the URL standard asks for the form of RFC 5952. */
export function canonical(bracketed: string): string {
  return new URL(`http://${bracketed}/`).hostname.slice(1, -1)
}

function field(layout: Layout, name: string): Layout['fields'][string] {
  const found = layout.fields[name]
  if (found === undefined) throw new Error(`${layout.name} has no field ${name}`)
  return found
}
