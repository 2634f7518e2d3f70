/** What an entry of a table is called, as far as names know it. In: a table, a key, and the names of the generation; out: a few words. */
import { listenerKey, matchKey } from '../../proto/abi.ts'
import { prefixText } from '../../proto/address/address-text.ts'
import type { NamesDocument } from '../../proto/artifact/format.ts'
import { rowReader } from '../field.ts'
import { placeText } from '../socket-address.ts'
import { versionOf } from '../walk.ts'
import type { EntryDrift } from './compare-table.ts'

export interface Naming {
  readonly names: NamesDocument
  /** km_cluster, as it should be */
  readonly cluster: Uint8Array
}

export function entryText(table: string, { key, row }: EntryDrift, naming: Naming): string {
  switch (table) {
    case 'km_listener': {
      const read = rowReader(listenerKey, key)
      return `${placeText({ address: read.bytes(0, 'address'), port: read.number(0, 'port') })}/${read.number(0, 'protocol') === 17 ? 'udp' : 'tcp'}`
    }
    case 'km_match': {
      const read = rowReader(matchKey, key)
      return `chain set ${key.readUInt32BE(4)}, ${prefixText({ address: read.bytes(0, 'address'), bits: read.number(0, 'length') - 64 })}`
    }
    case 'km_cluster':
      return `cluster "${naming.names.clusters[row]?.name ?? row}"`
    case 'km_endpoint':
      return `row ${row}${ownerOf(row, naming)}`
    case 'km_name':
      return key.toString('hex')
    default:
      return `row ${row}`
  }
}

/** The rows of a cluster begin where its newest version does, and end where another's begin. */
function ownerOf(row: number, { names, cluster }: Naming): string {
  let owner: string | undefined
  let from = -1
  for (const [index, { name }] of names.clusters.entries()) {
    const first = versionOf(cluster, index, 0xffffffffffffffffn)?.first ?? -1
    if (first <= row && first > from) {
      from = first
      owner = name
    }
  }
  return owner === undefined ? '' : ` of cluster "${owner}"`
}
