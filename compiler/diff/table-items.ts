/**
 * The kernel's tables as items: what is compared where a side is an artifact, which holds no xDS. In: tables and names. Out: listeners with addresses and actions,
 * clusters with endpoints. Weights are those of the tables, reduced by their greatest common divisor; a priority that gets no load has no endpoints here.
 */
import * as abi from '../../proto/abi.ts'
import { swap32 } from '../../proto/byte-order.ts'
import type { NamedCluster, NamedListener } from '../../proto/artifact/format.ts'
import { addressPortText } from '../../proto/address/address-text.ts'
import type { Compiled } from './compiled.ts'
import type { Item } from './item.ts'
import { type ChainFacts, chainFacts, clusterBlock, listenerKeyText, matchKeyText, type Row, rowAt, rowCount } from './table-reader.ts'

export function tableItems(compiled: Compiled): readonly Item[] {
  const { names, tables } = compiled
  const rows = new Map<number, { readonly key: Row; readonly value: Row }[]>()
  for (let index = 0; index < rowCount(tables.listenerKeys, abi.listenerKey); index++) {
    const row = { key: rowAt(tables.listenerKeys, abi.listenerKey, index), value: rowAt(tables.listenerValues, abi.listenerValue, index) }
    const state = row.value.number('state')
    const known = rows.get(state)
    if (known === undefined) rows.set(state, [row])
    else known.push(row)
  }
  const sets = matchSets(compiled)
  return [
    ...names.listeners.map((named) => listenerItem(named, rows.get(named.state) ?? [], compiled, sets)),
    ...names.clusters.map((named, index) => clusterItem(named, index, compiled)),
  ]
}

type MatchSets = ReadonlyMap<number, readonly { readonly match: string; readonly chain: number }[]>

function matchSets({ tables }: Compiled): MatchSets {
  const sets = new Map<number, { match: string; chain: number }[]>()
  const chains = new DataView(tables.matchValues.buffer, tables.matchValues.byteOffset, tables.matchValues.byteLength)
  for (let index = 0; index < rowCount(tables.matchKeys, abi.matchKey); index++) {
    const row = rowAt(tables.matchKeys, abi.matchKey, index)
    const set = swap32(row.number('set'))
    const entry = { match: matchKeyText(row), chain: chains.getUint32(index * 4, true) }
    const known = sets.get(set)
    if (known === undefined) sets.set(set, [entry])
    else known.push(entry)
  }
  return sets
}

function listenerItem(
  { name, protocol, diverted }: NamedListener,
  rows: readonly { readonly key: Row; readonly value: Row }[],
  compiled: Compiled,
  sets: MatchSets,
): Item {
  const chains = new Map<string, Item>()
  const add = (match: string, facts: ChainFacts): void => {
    chains.set(`${match} ${facts.action} ${JSON.stringify(facts.weights)}`, chainItem(match, facts))
  }
  for (const { value } of rows) {
    if ((value.number('flags') & abi.LISTENER_DYNAMIC) === 0) add('any', chainFacts(compiled, value.number('target')))
    else {
      for (const { match, chain } of sets.get(value.number('target')) ?? []) add(match, chainFacts(compiled, chain))
      add('else', chainFacts(compiled, value.number('fallback')))
    }
  }
  return {
    kind: 'listener',
    key: name,
    name,
    path: `lds[${JSON.stringify(name)}]`,
    facts: { protocol, ...(diverted !== undefined && { diverted: [...new Set(diverted.map(({ why }) => why))].join(', ') }) },
    parts: [
      ...rows.map(({ key }): Item => {
        const text = listenerKeyText(key)
        return { kind: 'address', key: text, name: text, path: '', facts: {}, parts: [] }
      }),
      ...chains.values(),
    ],
  }
}

function chainItem(match: string, { action, weights, clusters }: ChainFacts): Item {
  return {
    kind: 'filter_chain',
    key: `${match}\0${action}`,
    aka: [match],
    name: match,
    path: '',
    facts: { action },
    clusters,
    parts: weights.map(
      ({ cluster, weight }): Item => ({
        kind: 'weight',
        key: cluster,
        name: cluster,
        path: '',
        facts: { weight },
        parts: [],
        clusters: [cluster],
      }),
    ),
  }
}

const UNLIMITED = 0xffffffff

function clusterItem({ name, policy, refused }: NamedCluster, index: number, compiled: Compiled): Item {
  const head = rowAt(compiled.tables.cluster, abi.cluster, index)
  const limit = head.number('max_connections')
  const open = refused === undefined && policy !== 'ORIGINAL_DST'
  return {
    kind: 'cluster',
    key: name,
    name,
    path: `cds[${JSON.stringify(name)}]`,
    facts: {
      policy,
      ...(refused !== undefined && { refused }),
      ...(open && policy === 'LEAST_REQUEST' && { choice_count: String(head.number('choice_count')) }),
      ...(open && limit !== 1024 && { max_connections: limit === UNLIMITED ? 'unlimited' : String(limit) }),
    },
    clusters: [name],
    parts: open ? tierItems(compiled, index) : [],
  }
}

function tierItems(compiled: Compiled, index: number): readonly Item[] {
  const { first, tiers } = clusterBlock(compiled, index)
  const block = compiled.tables.endpoint.subarray(first * abi.ROW_SIZE)
  const found: Item[] = []
  let load = 0
  for (let number = 0; number < tiers; number++) {
    const tier = rowAt(block, abi.tier, number)
    const called = tiers > 1 ? `tier ${number + 1}` : ''
    if (called !== '')
      found.push({ kind: 'priority', key: called, name: called, path: '', facts: { load: `${tier.number('upto') - load}%` }, parts: [] })
    load = tier.number('upto')
    const groups = tier.number('groups')
    let weight = 0
    for (let one = 0; one < groups; one++) {
      const group = rowAt(block, abi.group, tier.number('group') + one)
      const place = [called, groups > 1 ? `group ${one + 1}` : ''].filter((text) => text !== '').join(' ')
      if (groups > 1)
        found.push({
          kind: 'locality',
          key: place,
          name: place,
          path: '',
          facts: { weight: String(group.number('upto') - weight) },
          parts: [],
        })
      weight = group.number('upto')
      for (let slot = 0; slot < group.number('count'); slot++)
        found.push(endpointItem(rowAt(block, abi.endpoint, group.number('first') + slot), place))
    }
  }
  return found
}

function endpointItem(row: Row, place: string): Item {
  const name = addressPortText(row.bytes('address'), row.number('port'))
  const weight = row.number('weight')
  return {
    kind: 'endpoint',
    key: `${place} ${name}`,
    aka: [name],
    name,
    path: '',
    facts: { ...(weight !== 1 && { weight: String(weight) }), ...(place !== '' && { place }) },
    parts: [],
  }
}
