/** RouteMatch.connect_matcher: CONNECT requests, whatever their path. */
import type { PathMatcher } from './matcher.ts'

export interface ConnectMatch {
  readonly kind: 'connect_matcher'
}

export const connect: PathMatcher<ConnectMatch> = {
  kind: 'connect_matcher',
  read(at) {
    if (!at.has('connect_matcher')) return []
    at.message('connect_matcher')
    return [{ kind: 'connect_matcher' }]
  },
  eval: (_node, request) => request.method === 'CONNECT',
  why: (_node, request) => `the method is ${request.method}, not CONNECT`,
  matched: (_node, request) => request.barePath,
}
