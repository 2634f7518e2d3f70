/**
 * Two trees of items -> what changed. In: items of the old and of the new side. Out: changes in a stable order: by kind, then by name; ordered ones (routes) as
 * they stand in the new side, those that left behind them. Equal sides give none, in whatever order their items come.
 */
import { fieldsOf } from './fields.ts'
import { type Item, type ItemKind, reach } from './item.ts'

/** One thing that is not as it was. A change of a part alone makes its owner `changed` too. */
export interface Change {
  readonly change: 'added' | 'removed' | 'changed' | 'moved'
  readonly kind: ItemKind
  readonly name: string
  /** of a route or filter chain: what it matches (names are often shared) */
  readonly match?: string
  /** xDS path of the new side, or of the old one for what was removed */
  readonly path: string
  /** facts and fields that differ; all facts of what was added or removed */
  readonly facts: readonly FactChange[]
  readonly parts: readonly Change[]
  /** clusters that this touches */
  readonly clusters: readonly string[]
}

export interface FactChange {
  /** a word for what it is, or the path of an xDS field below the item */
  readonly name: string
  readonly field?: true
  readonly old?: string
  readonly new?: string
}

const KINDS: readonly ItemKind[] = [
  'listener',
  'address',
  'filter_chain',
  'route_configuration',
  'virtual_host',
  'domain',
  'route',
  'weight',
  'cluster',
  'priority',
  'locality',
  'endpoint',
  'resource',
]
/** Kinds that decide who gets to what their owner leads to. */
const DOORS: ReadonlySet<ItemKind> = new Set(['domain', 'address'])

export function compareItems(old: readonly Item[], now: readonly Item[]): readonly Change[] {
  return KINDS.flatMap((kind) => ofKind(old.filter(isOf(kind)), now.filter(isOf(kind))))
}

const isOf =
  (kind: ItemKind) =>
  (item: Item): boolean =>
    item.kind === kind

function ofKind(old: readonly Item[], now: readonly Item[]): readonly Change[] {
  if (old.length === 0 && now.length === 0) return []
  const partners = pairUp(old, now)
  const places = new Map(old.map((item, index) => [item, index]))
  const placeOf = (item: Item | undefined): number => (item === undefined ? -1 : (places.get(item) ?? -1))
  const stayed = now.map((item) => placeOf(partners.get(item))).filter((place) => place >= 0)
  const still = now[0]?.ordered === true ? inOrder(stayed) : undefined
  const changes = now.flatMap((item, index) => {
    const before = partners.get(item)
    if (before === undefined) return [whole('added', item)]
    const was = placeOf(before)
    const position = still === undefined || still.has(was) ? undefined : { name: 'position', old: String(was + 1), new: String(index + 1) }
    return changed(before, item, position)
  })
  const used = new Set(partners.values())
  const removed = old.filter((item) => !used.has(item)).map((item) => whole('removed', item))
  const all = [...changes, ...removed]
  return (now[0] ?? old[0])?.ordered === true ? all : all.sort((a, b) => byName(a.name, b.name) || byName(a.change, b.change))
}

/** New item -> its old self: by key, the nth of a key being the nth; then, among those left, by each weaker identity. */
function pairUp(old: readonly Item[], now: readonly Item[]): ReadonlyMap<Item, Item> {
  const partners = new Map<Item, Item>()
  const used = new Set<Item>()
  const rounds = Math.max(0, ...[...old, ...now].map((item) => item.aka?.length ?? 0))
  for (let round = 0; round <= rounds; round++) {
    const identity = (item: Item): string | undefined => (round === 0 ? item.key : item.aka?.[round - 1])
    const free = new Map<string, Item[]>()
    for (const item of old) {
      const key = used.has(item) ? undefined : identity(item)
      if (key === undefined) continue
      const known = free.get(key)
      if (known === undefined) free.set(key, [item])
      else known.push(item)
    }
    if (free.size === 0) continue
    for (const item of now) {
      const key = partners.has(item) ? undefined : identity(item)
      const before = key === undefined ? undefined : free.get(key)?.shift()
      if (before === undefined) continue
      partners.set(item, before)
      used.add(before)
    }
  }
  return partners
}

function changed(old: Item, now: Item, position: FactChange | undefined): readonly Change[] {
  const facts = [...(position === undefined ? [] : [position]), ...factChanges(old, now)]
  const parts = compareItems(old.parts, now.parts)
  if (facts.length === 0 && parts.length === 0) return []
  const only = facts.length === 1 && position !== undefined && parts.length === 0
  const own =
    facts.length > 0 || now.kind === 'cluster' || now.kind === 'resource' ? [...(old.clusters ?? []), ...(now.clusters ?? [])] : []
  const behind = parts.some(({ kind }) => DOORS.has(kind)) ? [...reach(old), ...reach(now)] : []
  const clusters = unique([...own, ...behind])
  return [{ change: only ? 'moved' : 'changed', kind: now.kind, name: now.name, ...matchOf(now), path: now.path, facts, parts, clusters }]
}

function whole(change: 'added' | 'removed', item: Item): Change {
  const side = change === 'added' ? 'new' : 'old'
  return {
    change,
    kind: item.kind,
    name: item.name,
    ...matchOf(item),
    path: item.path,
    facts: [
      ...Object.entries(item.facts).map(([name, value]): FactChange => ({ name, [side]: value })),
      ...[...fieldsOf(item.rest ?? {})].map(([name, value]): FactChange => ({ name, field: true, [side]: value })),
    ],
    parts: KINDS.flatMap((kind) => item.parts.filter(isOf(kind)).map((part) => whole(change, part))),
    clusters: unique(item.clusters ?? []),
  }
}

function factChanges(old: Item, now: Item): readonly FactChange[] {
  const title = differing(titleOf(old), titleOf(now))
  return [...title, ...differing(new Map(Object.entries(old.facts)), new Map(Object.entries(now.facts))), ...restChanges(old, now)]
}

const matchOf = ({ facts: { match } }: Item): { readonly match?: string } => (match === undefined ? {} : { match })

const titleOf = ({ title = '' }: Item): ReadonlyMap<string, string> => new Map(title === '' ? [] : [['name', title]])

function restChanges({ rest: old }: Item, { rest: now }: Item): readonly FactChange[] {
  if (old === now || JSON.stringify(old) === JSON.stringify(now)) return []
  const fields = differing(fieldsOf(old ?? {}), fieldsOf(now ?? {})).sort((a, b) => byName(a.name, b.name))
  return fields.map((fact) => ({ ...fact, field: true }))
}

function differing(old: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): FactChange[] {
  const names = unique([...now.keys(), ...old.keys()])
  return names.flatMap((name): readonly FactChange[] => {
    const [before, after] = [old.get(name), now.get(name)]
    if (before === after) return []
    return [{ name, ...(before !== undefined && { old: before }), ...(after !== undefined && { new: after }) }]
  })
}

/** The members of a longest ascending run, in the order given: what did not move. */
function inOrder(places: readonly number[]): ReadonlySet<number> {
  const ends: number[] = []
  const before = places.map(() => -1)
  for (const [index, place] of places.entries()) {
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((places[ends[middle] as number] as number) < place) low = middle + 1
      else high = middle
    }
    if (low > 0) before[index] = ends[low - 1] as number
    ends[low] = index
  }
  const run = new Set<number>()
  for (let at = ends.at(-1) ?? -1; at >= 0; at = before[at] as number) run.add(places[at] as number)
  return run
}

const unique = (list: readonly string[]): readonly string[] => [...new Set(list)]

export function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
