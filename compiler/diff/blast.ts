/**
 * How far a change reaches. In: the changes and both sides. Out: services, listeners and virtual hosts that it touches, entries and bytes of the kernel's tables,
 * whether clang has to run and whether programs are replaced. A clang run is needed for a unit whose C text the old side does not have: text depends on
 * the shape of a configuration, never on its content.
 */
import type { Compiled } from './compiled.ts'
import { byName, type Change } from './compare.ts'
import { entryChanges, type TableChange } from './entries.ts'
import { type Item, reach } from './item.ts'

export interface Blast {
  /** what people call the targets: the host of an Istio cluster name, else the cluster's own name */
  readonly services: readonly string[]
  /** listeners whose clients may notice */
  readonly listeners: readonly string[]
  /** "route configuration / virtual host" */
  readonly virtualHosts: readonly string[]
  readonly tables: readonly TableChange[]
  readonly entries: { readonly written: number; readonly removed: number; readonly rows: number; readonly bytes: number }
  readonly programs: {
    /** clang has to run, unless its object cache knows the texts from elsewhere */
    readonly clang: boolean
    /** units that clang has to build */
    readonly build: readonly string[]
    /** the kernel gets other programs, not only other entries */
    readonly replaced: boolean
  }
}

export interface BlastSide {
  readonly compiled: Compiled
  readonly items: readonly Item[]
}

export function blastRadius(changes: readonly Change[], old: BlastSide, now: BlastSide): Blast {
  const clusters = new Set<string>()
  /** clusters that are not what they were, which everybody notices who leads to them */
  const altered = new Set<string>()
  const routes = new Set<string>()
  const own = new Set<string>()
  const hosts = new Set<string>()
  const visit = (change: Change, above: string): void => {
    for (const cluster of change.clusters) {
      clusters.add(cluster)
      if (change.kind === 'cluster' || change.kind === 'resource') altered.add(cluster)
    }
    if (change.kind === 'listener') own.add(change.name)
    if (change.kind === 'route_configuration') routes.add(change.name)
    if (change.kind === 'virtual_host') hosts.add(`${above} / ${change.name}`)
    for (const part of change.parts) visit(part, change.kind === 'route_configuration' ? change.name : above)
  }
  for (const change of changes) visit(change, '')
  const tables = entryChanges(old.compiled, now.compiled)
  const sum = (of: (one: TableChange) => number): number => tables.reduce((total, one) => total + of(one), 0)
  const texts = new Set(old.compiled.units.values())
  const build = [...now.compiled.units].filter(([, text]) => !texts.has(text)).map(([unit]) => unit)
  return {
    services: sorted([...clusters].map(serviceOf)),
    listeners: sorted([...own, ...[old, now].flatMap(({ items }) => leadingTo(items, altered, routes))]),
    virtualHosts: sorted([...hosts]),
    tables,
    entries: {
      written: sum(({ written }) => written),
      removed: sum(({ removed }) => removed),
      rows: sum(({ rows }) => rows),
      bytes: sum(({ bytes }) => bytes),
    },
    programs: { clang: build.length > 0, build: build.sort(byName), replaced: !sameUnits(old.compiled.units, now.compiled.units) },
  }
}

/** Istio's "outbound|9080|v1|reviews.default.svc.cluster.local" is the service behind the last bar. */
export function serviceOf(cluster: string): string {
  return /^(?:out|in)bound(?:_.*)?\|\d*\|[^|]*\|(.+)$/.exec(cluster)?.[1] ?? cluster
}

/** Listeners that lead to one of these clusters, themselves or through routes, or that use one of these route configurations. */
function leadingTo(items: readonly Item[], clusters: ReadonlySet<string>, routes: ReadonlySet<string>): readonly string[] {
  const behind = new Map(items.filter(({ kind }) => kind === 'route_configuration').map((item) => [item.name, item]))
  const touched = (item: Item): boolean => reach(item).some((cluster) => clusters.has(cluster))
  const through = new Map<string, boolean>()
  const byRoutes = (name: string): boolean => {
    const known = through.get(name)
    if (known !== undefined) return known
    const item = behind.get(name)
    const made = routes.has(name) || (item !== undefined && touched(item))
    through.set(name, made)
    return made
  }
  return items
    .filter(({ kind }) => kind === 'listener')
    .filter((item) => touched(item) || item.parts.some((part) => part.routes !== undefined && byRoutes(part.routes)))
    .map(({ name }) => name)
}

function sameUnits(old: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): boolean {
  return old.size === now.size && [...now].every(([unit, text]) => old.get(unit) === text)
}

const sorted = (names: readonly string[]): readonly string[] => [...new Set(names)].sort(byName)
