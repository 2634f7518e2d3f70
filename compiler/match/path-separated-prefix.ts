/** RouteMatch.path_separated_prefix: the path is a text, or goes on with a "/" behind it. */
import type { PathMatcher } from './matcher.ts'
import { quote } from './matcher.ts'
import { pathOf } from './path-text.ts'
import { lowerCase } from './string-match.ts'

export interface PathSeparatedPrefixMatch {
  readonly kind: 'path_separated_prefix'
  /** lower-case when case does not count */
  readonly text: string
  readonly caseSensitive: boolean
  readonly ignoreParameters: boolean
}

export const pathSeparatedPrefix: PathMatcher<PathSeparatedPrefixMatch> = {
  kind: 'path_separated_prefix',
  read(at, { ignorePathParameters }) {
    if (!at.has('path_separated_prefix')) return []
    const text = at.string('path_separated_prefix') ?? ''
    const caseSensitive = at.boolean('case_sensitive') ?? true
    const folded = caseSensitive ? text : lowerCase(text)
    return [{ kind: 'path_separated_prefix', text: folded, caseSensitive, ignoreParameters: ignorePathParameters }]
  },
  eval(node, request) {
    const path = pathOf(node, request)
    return path.startsWith(node.text) && (path.length === node.text.length || path.charCodeAt(node.text.length) === SLASH)
  },
  why: (node, request) => `the path ${quote(request.barePath)} is neither ${quote(node.text)} nor below it`,
  matched: (node, request) => request.path.slice(0, node.text.length),
}

const SLASH = 47
