/**
 * Which routes a path leaves over. In: the routes of a virtual host in first-match order, each with its path condition and the rest. Out: for each exact path, each
 * path prefix and for no prefix at all, the routes that may take such a path, in first-match order, cut behind the first that takes every one.
 *
 * A route whose path condition is none that a table can hold (a regex, a template, an over-long text) may take any path: it is in every list, with its path as
 * one more question. Where one route ignores case, paths are looked up in lower case, and a route that does not ignore it has its path as a question too.
 */
import { LONGEST_NAME } from '../../../proto/http/text-hash.ts'
import type { Route } from '../../http/model.ts'
import { bytesOf } from '../../match/byte-text.ts'
import type { PathMatch } from '../../match/table.ts'
import { pathQuestion } from './match-question.ts'
import { ALWAYS, NEVER, type Question, simplified } from './question.ts'
import { lowerText } from './text.ts'

/** A route as one entry of a list. */
export interface Candidate {
  /** position among the routes of its virtual host */
  readonly index: number
  /** what is to be asked beside the path that led here */
  readonly question: Question
}

export interface PathTable {
  /** the keys are in lower case */
  readonly fold: boolean
  readonly exact: ReadonlyMap<string, readonly Candidate[]>
  readonly prefixes: ReadonlyMap<string, readonly Candidate[]>
  readonly root: readonly Candidate[]
}

export interface PathRoute {
  readonly route: Route
  /** its conditions but the path */
  readonly rest: Question
  /** its path as a question */
  readonly path: Question
}

interface Places {
  readonly exact: Map<string, Candidate[]>
  readonly prefixes: Map<string, Candidate[]>
  readonly anywhere: Candidate[]
}

export function createPathTable(routes: readonly PathRoute[]): PathTable {
  const fold = routes.some(({ route }) => isFolded(route))
  const own: Places = { exact: new Map(), prefixes: new Map(), anywhere: [] }
  for (const [index, route] of routes.entries()) enter(own, route, index, fold)
  const lengths = [...new Set([...own.prefixes.keys()].map(({ length }) => length))].sort((a, b) => b - a)
  const root = cut(own.anywhere)
  const lists = new Map<string, readonly Candidate[]>()
  const below = (text: string, shorter: number): readonly Candidate[] => {
    for (const length of lengths) {
      if (length >= shorter) continue
      const found = lists.get(text.slice(0, length))
      if (found !== undefined) return found
    }
    return root
  }
  for (const text of [...own.prefixes.keys()].sort((a, b) => a.length - b.length))
    lists.set(text, cut(merge(own.prefixes.get(text) ?? [], below(text, text.length))))
  const exact = new Map<string, readonly Candidate[]>()
  for (const [text, candidates] of own.exact) exact.set(text, cut(merge(candidates, below(text, text.length + 1))))
  return { fold, exact, prefixes: lists, root }
}

function enter(places: Places, { route, rest, path }: PathRoute, index: number, fold: boolean): void {
  const add = (map: Map<string, Candidate[]>, text: string, question: Question): void => {
    const key = fold ? lowerText(text) : text
    if (simplified(question) === NEVER) return
    const held = map.get(key)
    if (held === undefined) map.set(key, [{ index, question }])
    else held.push({ index, question })
  }
  const anywhere = (): void => {
    const question: Question = simplified({ kind: 'all', of: [path, rest] })
    if (question !== NEVER) places.anywhere.push({ index, question })
  }
  const match = route.match[0] as PathMatch | undefined
  if (match === undefined || !('text' in match) || match.ignoreParameters === undefined) return anywhere()
  const text = bytesOf(match.text)
  if (text.length >= LONGEST_NAME) return anywhere()
  const sensitive = fold && match.caseSensitive && /[A-Za-z]/.test(text)
  const asked = (kind: 'exact' | 'prefix', of: string): Question =>
    simplified({ kind: 'all', of: [sensitive ? pathQuestion(kind, of, 'sensitive') : ALWAYS, rest] })
  switch (match.kind) {
    case 'path':
      return add(places.exact, text, asked('exact', match.text))
    case 'path_separated_prefix':
      add(places.exact, text, asked('exact', match.text))
      return add(places.prefixes, `${text}/`, asked('prefix', `${match.text}/`))
    case 'prefix':
      // every path that the kernel takes begins with one
      if (text === '' || text === '/') {
        const question = simplified(rest)
        if (question !== NEVER) places.anywhere.push({ index, question })
        return
      }
      return add(places.prefixes, text, asked('prefix', match.text))
  }
}

function isFolded({ match }: Route): boolean {
  const [path] = match
  return path !== undefined && 'caseSensitive' in path && !path.caseSensitive
}

/** Both in order; an index is in one of them. */
function merge(a: readonly Candidate[], b: readonly Candidate[]): readonly Candidate[] {
  if (a.length === 0) return b
  if (b.length === 0) return a
  return [...a, ...b].sort((one, other) => one.index - other.index)
}

/** Nothing behind a route that takes every request is ever asked. */
function cut(candidates: readonly Candidate[]): readonly Candidate[] {
  const last = candidates.findIndex(({ question }) => question.kind === 'constant' && question.holds)
  return last < 0 ? candidates : candidates.slice(0, last + 1)
}
