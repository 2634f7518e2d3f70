/** RouteMatch.safe_regex: RE2 matches the whole path, without query. case_sensitive does not reach it. */
import type { PathMatcher } from './matcher.ts'
import { quote } from './matcher.ts'
import { pathOf } from './path-text.ts'
import type { Regex } from './regex.ts'
import { readRegex } from './string-match.ts'

export interface SafeRegexMatch {
  readonly kind: 'safe_regex'
  readonly regex: Regex
  readonly caseSensitive: true
  readonly ignoreParameters: boolean
}

export const safeRegex: PathMatcher<SafeRegexMatch> = {
  kind: 'safe_regex',
  read(at, { ignorePathParameters }) {
    if (!at.has('safe_regex')) return []
    at.boolean('case_sensitive')
    const regex = readRegex(at.message('safe_regex'))
    return [{ kind: 'safe_regex', regex, caseSensitive: true, ignoreParameters: ignorePathParameters }]
  },
  eval: (node, request) => node.regex.matches(pathOf(node, request)),
  why: (node, request) =>
    node.regex.error === undefined
      ? `the path ${quote(request.barePath)} is not matched as a whole by the regex ${quote(node.regex.source)}`
      : `the regex ${quote(node.regex.source)} is invalid: ${node.regex.error}`,
  matched: (_node, request) => request.barePath,
}
