/**
 * MAGLEV: the table that Envoy builds, slot for slot; a connection meets entry hash % size. Hosts in byte order of their keys walk a
 * permutation each (offset xxHash64(key), skip xxHash64(key, 1)) and take a free slot when their weight says it is their turn.
 * Source: Envoy's maglev_lb.cc; its compact and its original table have the same contents.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'
import { type Hash64, moduloU32, xxHash64 } from './hash.ts'
import { evalTables, type TableKind, tableTiers } from './hash-layout.ts'
import { type HashingConfig, readHashingConfig, readLocalityConfig } from './locality-config.ts'
import type { BalancePolicy, HashTable, PolicyOf, PolicyReading } from './policy.ts'
import type { TableHost } from './table-hosts.ts'

type Table = Extract<HashTable, { readonly kind: 'maglev' }>

const DEFAULT_TABLE_SIZE = 65537

export const maglev: BalancePolicy<'MAGLEV'> = {
  kind: 'MAGLEV',
  type: 'envoy.extensions.load_balancing_policies.maglev.v3.Maglev',
  readLegacy: (cluster, diag) => {
    const common = cluster.message('common_lb_config')
    const { localityWeighted } = readLocalityConfig(common)
    return read(
      cluster.message('maglev_lb_config'),
      readHashingConfig(common?.message('consistent_hashing_lb_config')),
      localityWeighted,
      diag,
    )
  },
  readTyped: (config, diag) => {
    const localityWeighted = config.message('locality_weighted_lb_config') !== undefined
    return read(config, readHashingConfig(config.message('consistent_hashing_lb_config')), localityWeighted, diag)
  },
  eval: (policy, balance, hash) => evalTables(balance, maglevKind(policy), hash),
  lower: (policy, balance) => ({ tiers: tableTiers(balance, maglevKind(policy)), cursors: false, choiceCount: 0, flags: 0 }),
}

/** the API's own limit, which Envoy does not check everywhere */
const MAXIMUM_TABLE_SIZE = 5_000_011

function read(config: Cursor | undefined, hashing: HashingConfig, localityWeighted: boolean, diag: Diagnostics): PolicyReading {
  const tableSize = config?.number('table_size') ?? DEFAULT_TABLE_SIZE
  if (config !== undefined && !isPrime(tableSize)) {
    const message = `the Maglev table_size ${tableSize} is not a prime number`
    diag.report({
      code: 'KM1403',
      severity: 'error',
      message,
      fix: 'Envoy refuses this cluster; use a prime, for instance 65537',
      path: config.at('table_size'),
    })
    return { unsupported: message, reported: true }
  }
  if (tableSize > MAXIMUM_TABLE_SIZE) return { unsupported: `MAGLEV with a table of ${tableSize} entries` }
  if (hashing.unsupported !== undefined) return { unsupported: `MAGLEV with ${hashing.unsupported}` }
  return {
    policy: { name: 'MAGLEV', tableSize },
    localityWeighted,
    failTrafficOnPanic: false,
    useHostnameForHashing: hashing.useHostnameForHashing,
  }
}

function maglevKind({ tableSize }: PolicyOf<'MAGLEV'>): TableKind<Table> {
  return {
    build: (hosts) => buildMaglev(hosts, tableSize),
    pick: (table, hash) => table.index[Number(hash % BigInt(table.index.length))] as number,
    shares: (table, hosts) => {
      const shares = new Array<number>(hosts).fill(0)
      for (const host of table.index) shares[host] = (shares[host] as number) + 1 / table.index.length
      return shares
    },
  }
}

const FREE = 0xffffffff

/** `size` is prime and at most 5,000,011. */
export function buildMaglev(hosts: readonly TableHost[], size: number): Table {
  if (hosts.length === 0) return { kind: 'maglev', index: new Uint32Array(0) }
  const walks = hosts.map((host, index) => ({
    ...walkOf(host.endpoint.hashKey, size),
    key: host.endpoint.hashKey,
    index,
    weight: host.weight,
    target: 0,
  }))
  walks.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.weight - b.weight))
  const most = hosts.reduce((max, host) => Math.max(max, host.weight), 0)
  const table = new Uint32Array(size).fill(FREE)
  let filled = 0
  for (let iteration = 1; filled < size; iteration++) {
    for (const walk of walks) {
      if (filled === size) break
      if (iteration * walk.weight < walk.target) continue
      walk.target += most
      let at = walk.at
      while (table[at] !== FREE) {
        at += walk.skip
        if (at >= size) at -= size
      }
      table[at] = walk.index
      at += walk.skip
      walk.at = at >= size ? at - size : at
      filled++
    }
  }
  return { kind: 'maglev', index: table }
}

const out: Hash64 = { high: 0, low: 0 }
const encoder = new TextEncoder()

/** First slot and step of a key's permutation. */
function walkOf(key: string, size: number): { at: number; readonly skip: number } {
  const bytes = encoder.encode(key)
  xxHash64(bytes, bytes.length, 0, out)
  const at = moduloU32(out, size)
  xxHash64(bytes, bytes.length, 1, out)
  return { at, skip: moduloU32(out, size - 1) + 1 }
}

function isPrime(value: number): boolean {
  if (value < 2 || !Number.isInteger(value)) return false
  for (let divisor = 2; divisor * divisor <= value; divisor++) {
    if (value % divisor === 0) return false
  }
  return true
}
