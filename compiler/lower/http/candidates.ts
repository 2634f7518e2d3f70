/**
 * A table of paths as rows and names. In: the lists of paths.ts and the row of each route. Out: what km_virtual_host says of paths; lists of candidates are shared where
 * they are equal. Prefixes have markers at the shorter lengths that the binary search of bpf/lib/http/path.h passes before it comes to theirs.
 */
import {
  CONDITION_YES,
  candidates as candidatesLayout,
  LENGTHS_IN_ROW,
  LIST_ROUTE,
  lengths as lengthsLayout,
  NAME_PATH,
  NAME_PATH_PREFIX,
  PREFIX_LENGTHS,
} from '../../../proto/http/matching.ts'
import { lowerQuestion } from './conditions.ts'
import type { Candidate, PathTable } from './paths.ts'
import type { ServiceScope } from './scope.ts'

const IN_ROW = 4
/** Longer lists are for user space from there on. */
export const MOST_CANDIDATES = 256
/** Entries of all lists of a virtual host: a table of megabytes. */
const MOST_ENTRIES = 500_000

export type PlacedPaths =
  | { readonly kind: 'placed'; readonly root: number; readonly lengths: number; readonly count: number; readonly exact: boolean }
  | { readonly kind: 'slow'; readonly why: string }

/** `scope` of the names: the row of the virtual host. `routeRow`: by index; `slowRow`: where user space decides */
export function placePaths(
  table: PathTable,
  virtualHost: number,
  scope: ServiceScope,
  routeRow: (index: number) => number,
  slowRow: () => number,
): PlacedPaths {
  const { builder } = scope
  const all = [table.root, ...table.exact.values(), ...table.prefixes.values()]
  const entries = [...new Set(all)].reduce((sum, list) => sum + Math.min(list.length, MOST_CANDIDATES), 0)
  if (entries > MOST_ENTRIES) return { kind: 'slow', why: `its paths leave over ${entries} routes in all` }
  const rows = new Map<readonly Candidate[], number>()
  const placeList = (list: readonly Candidate[]): number => {
    const [first] = list
    if (first === undefined) return 0
    if (first.question.kind === 'constant' && first.question.holds) return LIST_ROUTE | routeRow(first.index)
    const held = rows.get(list)
    if (held !== undefined) return held
    const row = placeCandidates(list, scope, routeRow, slowRow)
    rows.set(list, row)
    return row
  }
  const refused = { kind: 'slow', why: 'two of its paths have the same hash' } as const
  for (const [text, list] of table.exact)
    if (!builder.name({ scope: virtualHost, kind: NAME_PATH, text, target: placeList(list) })) return refused
  const lengths = [...new Set([...table.prefixes.keys()].map(({ length }) => length))].sort((a, b) => a - b)
  if (lengths.length > PREFIX_LENGTHS) return { kind: 'slow', why: `its prefixes have ${lengths.length} different lengths` }
  const root = placeList(table.root)
  for (const [text, list] of [...table.prefixes, ...markers(table, lengths)])
    if (!builder.name({ scope: virtualHost, kind: NAME_PATH_PREFIX, text, target: placeList(list) })) return refused
  return { kind: 'placed', root, lengths: placeLengths(lengths, scope), count: lengths.length, exact: table.exact.size > 0 }
}

function placeCandidates(
  list: readonly Candidate[],
  scope: ServiceScope,
  routeRow: (index: number) => number,
  slowRow: () => number,
): number {
  const entries = list.slice(0, MOST_CANDIDATES).map(({ index, question }) => ({
    route: routeRow(index),
    condition: lowerQuestion(question, scope),
  }))
  if (list.length > MOST_CANDIDATES) entries.push({ route: slowRow(), condition: CONDITION_YES })
  const run = []
  // an entry of 0 ends a list that may go beyond its last one
  const ends = entries.at(-1)?.condition === CONDITION_YES
  for (let at = 0; at < entries.length + (ends ? 0 : 1); at += IN_ROW) {
    const part = entries.slice(at, at + IN_ROW)
    run.push({
      layout: candidatesLayout,
      values: { route: part.map(({ route }) => route), condition: part.map(({ condition }) => condition) },
    })
  }
  return scope.builder.shareRun(run)
}

/** Beginnings of prefixes that the search asks for on its way to a longer one, with the list of the longest prefix that begins them. */
function markers(table: PathTable, lengths: readonly number[]): ReadonlyMap<string, readonly Candidate[]> {
  const found = new Map<string, readonly Candidate[]>()
  const place = new Map(lengths.map((length, index) => [length, index]))
  for (const text of table.prefixes.keys()) {
    const target = place.get(text.length) as number
    let low = 0
    let high = lengths.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (middle === target) break
      if (middle > target) {
        high = middle
        continue
      }
      low = middle + 1
      const beginning = text.slice(0, lengths[middle])
      if (!table.prefixes.has(beginning) && !found.has(beginning)) found.set(beginning, longestPrefix(table, lengths, beginning))
    }
  }
  return found
}

function longestPrefix(table: PathTable, lengths: readonly number[], text: string): readonly Candidate[] {
  for (let at = lengths.length - 1; at >= 0; at--) {
    const length = lengths[at] as number
    const list = length < text.length ? table.prefixes.get(text.slice(0, length)) : undefined
    if (list !== undefined) return list
  }
  return table.root
}

function placeLengths(lengths: readonly number[], scope: ServiceScope): number {
  if (lengths.length === 0) return 0
  const run = []
  for (let at = 0; at < lengths.length; at += LENGTHS_IN_ROW)
    run.push({ layout: lengthsLayout, values: { length: lengths.slice(at, at + LENGTHS_IN_ROW) } })
  return scope.builder.shareRun(run)
}
