/**
 * A snapshot or an artifact as a tree of named things: what `kmeshc diff` compares. In: nothing. Out: the types that the readers (snapshot-items.ts,
 * table-items.ts) fill and compare.ts takes.
 * Invariant: an item is found again on the other side by its name, never by its place in a file; where order has a meaning (routes), `ordered` says so.
 */
import type { Plain } from './plain.ts'

export type ItemKind =
  | 'listener'
  | 'address'
  | 'filter_chain'
  | 'route_configuration'
  | 'virtual_host'
  | 'domain'
  | 'route'
  | 'weight'
  | 'cluster'
  | 'locality'
  | 'priority'
  | 'endpoint'
  | 'resource'

export interface Item {
  readonly kind: ItemKind
  /** who it is among its siblings of this kind */
  readonly key: string
  /** weaker identities, the best first, for what has no partner by `key`: a route keeps its name when its match changes */
  readonly aka?: readonly string[]
  /** what people call it */
  readonly name: string
  /** its own name, where it may have none: `name` then says what it matches */
  readonly title?: string
  /** xDS path by resource name; '' where an artifact does not hold it */
  readonly path: string
  /** what it is, each in a few words; defaults are left out */
  readonly facts: Readonly<Record<string, string>>
  /** set fields that no fact and no part says, by name */
  readonly rest?: Plain
  readonly parts: readonly Item[]
  /** its place among the siblings of its kind decides */
  readonly ordered?: true
  /** clusters that it leads to */
  readonly clusters?: readonly string[]
  /** route configuration that it asks for by name */
  readonly routes?: string
}

/** Clusters that an item or anything below it leads to. */
export function reach(item: Item): readonly string[] {
  const found = new Set<string>()
  const visit = (one: Item): void => {
    for (const cluster of one.clusters ?? []) found.add(cluster)
    for (const part of one.parts) visit(part)
  }
  visit(item)
  return [...found]
}
