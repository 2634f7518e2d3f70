/** RouteMatch.prefix: the path begins with a text. The query takes no part: a prefix with a "?" in it never matches. */
import type { HttpRequest } from '../http/request.ts'
import type { PathMatcher } from './matcher.ts'
import { quote } from './matcher.ts'
import { pathOf } from './path-text.ts'
import { lowerCase } from './string-match.ts'

export interface PrefixMatch {
  readonly kind: 'prefix'
  /** lower-case when case does not count */
  readonly text: string
  readonly caseSensitive: boolean
  readonly ignoreParameters: boolean
}

export const prefix: PathMatcher<PrefixMatch> = {
  kind: 'prefix',
  read(at, { ignorePathParameters }) {
    if (!at.has('prefix')) return []
    const text = at.string('prefix') ?? ''
    const caseSensitive = at.boolean('case_sensitive') ?? true
    return [{ kind: 'prefix', text: caseSensitive ? text : lowerCase(text), caseSensitive, ignoreParameters: ignorePathParameters }]
  },
  eval: (node, request) => pathOf(node, request).startsWith(node.text),
  why: (node, request: HttpRequest) => `the path ${quote(request.barePath)} does not start with ${quote(node.text)}`,
  matched: (node, request) => request.path.slice(0, node.text.length),
}
