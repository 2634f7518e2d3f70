/**
 * CONTRACT of the vocabulary of route matches: one condition, one file. `read` takes what it knows from a RouteMatch, `eval` gives it its meaning, and
 * `why` says in the user's words why it does not hold. Invariant: a node is plain data (a regex apart), so that reading happens once and evaluation reads
 * no configuration.
 */
import type { HttpRequest } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'
import type { RuntimeValues } from './runtime-values.ts'

export interface Matcher<Node extends { readonly kind: string }> {
  readonly kind: Node['kind']
  /** `at` is a RouteMatch; none when the condition is not set */
  read(at: Cursor, settings: MatchSettings): readonly Node[]
  eval(node: Node, request: HttpRequest): boolean
  /** e.g. `the path "/b" does not start with "/a"` */
  why(node: Node, request: HttpRequest): string
}

/** What a route configuration and the runtime say for all matches. */
export interface MatchSettings {
  /** paths end at their first ";" for matching */
  readonly ignorePathParameters: boolean
  readonly runtime: RuntimeValues
}

/** How a path condition lets prefix_rewrite know what it matched. */
export interface PathMatcher<Node extends { readonly kind: string }> extends Matcher<Node> {
  /** the beginning of the path that prefix_rewrite replaces; called when `eval` held */
  matched(node: Node, request: HttpRequest): string
}

/** text in quotes, cut when it is long */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 99)}…` : text)
}
