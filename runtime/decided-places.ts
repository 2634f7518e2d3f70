/**
 * The addresses whose connections are decided: listener keys that are always rewritten or refused. In: the tables of a generation, as an artifact or the
 * kernel has them; out: places. Invariant: a listener that leaves anything alone (a passing chain or cluster, diverted with --diverted=pass) is left
 * out, because an untouched connection to it may be what was decided.
 */
import {
  CHAIN_CLUSTER,
  CHAIN_DIVERT,
  CHAIN_PASS,
  CHAIN_WEIGHTED,
  CLUSTER_PASS,
  chain as chainLayout,
  cluster as clusterLayout,
  LISTENER_DYNAMIC,
  listenerKey,
  listenerValue,
  matchKey,
  weighted as weightedLayout,
} from '../proto/abi.ts'
import type { ArtifactTables } from '../proto/artifact/format.ts'
import { fieldOf, rowReader, viewOf } from './field.ts'
import type { GovernedPlace } from './governed-addresses.ts'

export type DecisionTables = Pick<ArtifactTables, 'listenerKeys' | 'listenerValues' | 'matchKeys' | 'matchValues' | 'chain' | 'cluster'>

const UDP = 17

export function* decidedPlaces(tables: DecisionTables, diverted: 'refuse' | 'pass'): Generator<GovernedPlace> {
  const keys = rowReader(listenerKey, tables.listenerKeys)
  const values = rowReader(listenerValue, tables.listenerValues)
  const decides = chainTest(tables, diverted)
  const passing = passingSets(tables, decides)
  const count = tables.listenerKeys.length / listenerKey.size
  for (let i = 0; i < count; i++) {
    const value = i * listenerValue.size
    const target = values.number(value, 'target')
    const dynamic = (values.number(value, 'flags') & LISTENER_DYNAMIC) !== 0
    if (dynamic ? passing.has(target) || !decides(values.number(value, 'fallback')) : !decides(target)) continue
    const key = i * listenerKey.size
    yield {
      address: keys.bytes(key, 'address'),
      port: keys.number(key, 'port'),
      protocol: keys.number(key, 'protocol') === UDP ? 'udp' : 'tcp',
    }
  }
}

/** Whether a row of km_chain rewrites or refuses everything. Rows outside the tables count as passing. */
function chainTest(tables: DecisionTables, diverted: 'refuse' | 'pass'): (row: number) => boolean {
  const chain = rowReader(chainLayout, tables.chain)
  const weighted = rowReader(weightedLayout, tables.chain)
  const cluster = rowReader(clusterLayout, tables.cluster)
  const inside = (row: number): boolean => (row + 1) * chainLayout.size <= tables.chain.length
  const clusterDecides = (index: number): boolean =>
    (index + 1) * clusterLayout.size <= tables.cluster.length && (cluster.number(index * clusterLayout.size, 'flags') & CLUSTER_PASS) === 0
  return (row) => {
    if (!inside(row)) return false
    const at = row * chainLayout.size
    const target = chain.number(at, 'target')
    switch (chain.number(at, 'kind')) {
      case CHAIN_CLUSTER:
        return clusterDecides(target)
      case CHAIN_WEIGHTED: {
        const rows = Array.from({ length: chain.number(at, 'count') }, (_, i) => target + i)
        return rows.every((one) => inside(one) && clusterDecides(weighted.number(one * chainLayout.size, 'cluster')))
      }
      case CHAIN_PASS:
        return false
      case CHAIN_DIVERT:
        return diverted === 'refuse'
      default:
        return true
    }
  }
}

/** Dynamic chain sets with a chain that leaves connections alone. */
function passingSets(tables: DecisionTables, decides: (row: number) => boolean): ReadonlySet<number> {
  const passing = new Set<number>()
  const keys = viewOf(tables.matchKeys)
  const values = viewOf(tables.matchValues)
  const set = fieldOf(matchKey, 'set').offset
  for (let i = 0; i * 4 < tables.matchValues.length; i++) {
    if (!decides(values.getUint32(i * 4, true))) passing.add(keys.getUint32(i * matchKey.size + set, false))
  }
  return passing
}
