/** RouteMatch.path: the path, without query, is a text. */
import type { PathMatcher } from './matcher.ts'
import { quote } from './matcher.ts'
import { pathOf } from './path-text.ts'
import { lowerCase } from './string-match.ts'

export interface ExactPathMatch {
  readonly kind: 'path'
  /** lower-case when case does not count */
  readonly text: string
  readonly caseSensitive: boolean
  readonly ignoreParameters: boolean
}

export const path: PathMatcher<ExactPathMatch> = {
  kind: 'path',
  read(at, { ignorePathParameters }) {
    if (!at.has('path')) return []
    const text = at.string('path') ?? ''
    const caseSensitive = at.boolean('case_sensitive') ?? true
    return [{ kind: 'path', text: caseSensitive ? text : lowerCase(text), caseSensitive, ignoreParameters: ignorePathParameters }]
  },
  eval: (node, request) => pathOf(node, request) === node.text,
  why: (node, request) => `the path ${quote(request.barePath)} is not ${quote(node.text)}`,
  matched: (node, request) => request.path.slice(0, node.text.length),
}
