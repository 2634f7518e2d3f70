/** Listeners of a generation in the words of the configuration. In: its tables and names; out: dialled address -> filter chain -> cluster. */
import {
  CHAIN_CLUSTER,
  CHAIN_DIVERT,
  CHAIN_HASH_CONSTANT,
  CHAIN_HASH_SOURCE_IP,
  CHAIN_HTTP,
  CHAIN_PASS,
  CHAIN_REFUSE,
  CHAIN_WEIGHTED,
  chain as chainLayout,
  LISTENER_DYNAMIC,
  listenerKey,
  listenerValue,
  matchKey,
  weighted as weightedLayout,
} from '../proto/abi.ts'
import { prefixText } from '../proto/address/address-text.ts'
import { isMapped } from '../proto/address/mapped.ts'
import { reasonName } from './dump-clusters.ts'
import type { DumpedAction, DumpedListener, DumpedMatch } from './dump-report.ts'
import { rowReader } from './field.ts'
import type { ClusterTables, HeldListeners } from './held-generation.ts'
import { placeText } from './socket-address.ts'

export function dumpListeners(held: ClusterTables, tables: HeldListeners): readonly DumpedListener[] {
  const names = new Map(held.names.listeners.map(({ state, name }) => [state, name]))
  const sets = matchSets(held, tables)
  const keys = rowReader(listenerKey, tables.listeners.keys)
  const values = rowReader(listenerValue, tables.listeners.values)
  return Array.from({ length: tables.listeners.count }, (_, i): DumpedListener => {
    const key = i * listenerKey.size
    const value = i * listenerValue.size
    const dynamic = (values.number(value, 'flags') & LISTENER_DYNAMIC) !== 0
    const target = values.number(value, 'target')
    return {
      address: keyText(keys.bytes(key, 'address'), keys.number(key, 'port')),
      protocol: keys.number(key, 'protocol') === 17 ? 'udp' : 'tcp',
      listener: names.get(values.number(value, 'state')) ?? `state ${values.number(value, 'state')}`,
      action: actionAt(held, tables.chain, dynamic ? values.number(value, 'fallback') : target),
      matches: dynamic ? (sets.get(target) ?? []) : [],
    }
  }).sort((a, b) => compare(a.listener, b.listener) || compare(a.address, b.address) || compare(a.protocol, b.protocol))
}

/** The entries of km_match by chain set. */
function matchSets(held: ClusterTables, { matches, chain }: HeldListeners): ReadonlyMap<number, readonly DumpedMatch[]> {
  const sets = new Map<number, DumpedMatch[]>()
  const read = rowReader(matchKey, matches.keys)
  for (let i = 0; i < matches.count; i++) {
    const at = i * matchKey.size
    const set = matches.keys.readUInt32BE(at + 4)
    const port = matches.keys.readUInt16BE(at + 8)
    const address = read.bytes(at, 'address')
    const bits = read.number(at, 'length') - 64
    const list = sets.get(set) ?? []
    list.push({
      ...(port === 0 ? {} : { port }),
      prefix: prefixText({ address, bits }),
      action: actionAt(held, chain, matches.values.readUInt32LE(i * 4)),
    })
    sets.set(set, list)
  }
  for (const list of sets.values()) list.sort((a, b) => (a.port ?? 65536) - (b.port ?? 65536) || compare(a.prefix, b.prefix))
  return sets
}

function actionAt(held: ClusterTables, chain: Buffer, row: number): DumpedAction {
  const at = row * chainLayout.size
  if (at + chainLayout.size > chain.length) return { kind: 'refuse', reason: 'internal' }
  const read = rowReader(chainLayout, chain)
  const flags = read.number(at, 'flags')
  const hash =
    (flags & CHAIN_HASH_SOURCE_IP) !== 0
      ? { hash: 'source_ip' }
      : (flags & CHAIN_HASH_CONSTANT) !== 0
        ? { hash: `key ${read.big(at, 'hash').toString(16)}` }
        : {}
  const name = (index: number): string => held.names.clusters[index]?.name ?? `cluster ${index}`
  switch (read.number(at, 'kind')) {
    case CHAIN_CLUSTER:
      return { kind: 'cluster', cluster: name(read.number(at, 'target')), ...hash }
    case CHAIN_WEIGHTED: {
      const rows = rowReader(weightedLayout, chain)
      let before = 0n
      const clusters = Array.from({ length: read.number(at, 'count') }, (_, i) => {
        const share = (read.number(at, 'target') + i) * weightedLayout.size
        const upto = rows.big(share, 'upto')
        const weight = Number(upto - before)
        before = upto
        return { cluster: name(rows.number(share, 'cluster')), weight }
      })
      return { kind: 'weighted', clusters, ...hash }
    }
    case CHAIN_HTTP:
      return { kind: 'requests' }
    case CHAIN_PASS:
      return { kind: 'pass' }
    case CHAIN_REFUSE:
      return { kind: 'refuse', reason: reasonName(read.number(at, 'reason')) }
    case CHAIN_DIVERT:
      return { kind: 'divert', reason: reasonName(read.number(at, 'reason')) }
    default:
      return { kind: 'refuse', reason: 'internal' }
  }
}

function keyText(address: Uint8Array, port: number): string {
  if (port === 0) return isMapped(address) ? '*' : '[*]'
  return placeText({ address, port })
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
