/**
 * What RING_HASH and MAGLEV share: eval and lowering over one table per priority. In: a Balance and how a table is built from hosts.
 * Out: Shares (one endpoint for a given hash) and LayoutTiers.
 */
import type { Balance, Endpoint } from '../ir/program.ts'
import type { HashTable, LayoutTier, Shares } from './policy.ts'
import { type TableHost, type TableTier, tableTiersOf } from './table-hosts.ts'

export interface TableKind<Table extends HashTable> {
  /** without entries where there are no hosts, or a ring of size 0 is asked for: nobody is found */
  readonly build: (hosts: readonly TableHost[]) => Table
  /** index of the host that `hash` meets */
  readonly pick: (table: Table, hash: bigint) => number
  /** share of each host when hashes are random */
  readonly shares: (table: Table, hosts: number) => readonly number[]
}

interface BuiltTier<Table> extends TableTier {
  readonly table: Table
}

/** A Balance is immutable, and its table is asked for once per connection by whoever evaluates many. */
const built = new WeakMap<Balance, readonly BuiltTier<HashTable>[]>()

function buildTiers<Table extends HashTable>(balance: Balance, kind: TableKind<Table>): readonly BuiltTier<Table>[] {
  const known = built.get(balance)
  if (known !== undefined) return known as readonly BuiltTier<Table>[]
  const tables = new Map<number, Table>()
  const tiers = tableTiersOf(balance).map((tier) => {
    const table = tables.get(tier.priority) ?? kind.build(tier.hosts)
    tables.set(tier.priority, table)
    return { ...tier, table }
  })
  built.set(balance, tiers)
  return tiers
}

export function evalTables<Table extends HashTable>(balance: Balance, kind: TableKind<Table>, hash: bigint | undefined): Shares {
  const tiers = buildTiers(balance, kind)
  if (hash !== undefined) {
    const tier = tiers.find(({ upto }) => Number(hash % 100n) < upto)
    if (tier === undefined || tier.table.index.length === 0) return { shares: new Map(), refused: 1 }
    const { endpoint } = tier.hosts[kind.pick(tier.table, hash)] as TableHost
    return { shares: new Map([[endpoint, 1]]), refused: 0 }
  }
  const shares = new Map<Endpoint, number>()
  let refused = tiers.length === 0 ? 1 : 0
  for (const { hosts, percent, table } of tiers) {
    if (table.index.length === 0) {
      refused += percent / 100
      continue
    }
    for (const [index, share] of kind.shares(table, hosts.length).entries()) {
      const { endpoint } = hosts[index] as TableHost
      if (share > 0) shares.set(endpoint, (shares.get(endpoint) ?? 0) + (share * percent) / 100)
    }
  }
  return { shares, refused }
}

export function tableTiers<Table extends HashTable>(balance: Balance, kind: TableKind<Table>): readonly LayoutTier[] {
  return buildTiers(balance, kind).map(({ priority, upto, hosts, table }) => {
    if (table.index.length === 0) return { key: `${priority}`, upto, groups: [] }
    return { key: `${priority}`, upto, groups: [{ key: '', weight: 1, endpoints: hosts.map((host) => host.endpoint) }], table }
  })
}
