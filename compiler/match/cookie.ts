/**
 * RouteMatch.cookies: what a cookie of the request must be. The first cookie of a name counts; one that is missing fulfils nothing, so that it fulfils an inverted
 * matcher. Source: route_components.proto (CookieMatcher) and Envoy's http/utility.cc (forEachCookie); tried on Envoy 1.40.
 */
import type { StringMatch } from '../http/model.ts'
import type { Matcher } from './matcher.ts'
import { quote } from './matcher.ts'
import { describeStringMatch, evalStringMatch, readStringMatch } from './string-match.ts'

export interface CookieMatch {
  readonly kind: 'cookie'
  readonly name: string
  readonly value: StringMatch
  readonly invert: boolean
}

export const cookie: Matcher<CookieMatch> = {
  kind: 'cookie',
  read: (at) =>
    at.messages('cookies').map((entry) => ({
      kind: 'cookie',
      name: entry.string('name') ?? '',
      value: readStringMatch(entry.message('string_match')),
      invert: entry.boolean('invert_match') ?? false,
    })),
  eval({ name, value, invert }, request) {
    const found = cookieValue(request.headers.values('cookie'), name)
    return (found !== undefined && evalStringMatch(value, found)) !== invert
  },
  why({ name, value, invert }, request) {
    const found = cookieValue(request.headers.values('cookie'), name)
    const seen = found === undefined ? 'is missing' : `is ${quote(found)}`
    return `the cookie ${quote(name)} ${seen}; it must ${invert ? 'not ' : ''}${describeStringMatch(value)}`
  },
}

/** The first cookie of that name in Cookie headers, without the double quotes around it. */
export function cookieValue(headers: readonly string[], name: string): string | undefined {
  for (const header of headers) {
    for (const pair of header.split(';')) {
      const equals = pair.indexOf('=')
      if (equals < 0 || pair.slice(0, equals).trimStart() !== name) continue
      const value = pair.slice(equals + 1)
      return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
    }
  }
  return undefined
}
