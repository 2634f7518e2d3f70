/**
 * RouteMatch.query_parameters: nothing is percent-decoded, the first value of a name counts, `?k` is the empty string. present_match: false asks for absence.
 * Source: Envoy's router/config_utility.cc and its reloadable feature enable_new_query_param_present_match_behavior.
 */
import type { StringMatch } from '../http/model.ts'
import type { Matcher } from './matcher.ts'
import { quote } from './matcher.ts'
import { describeStringMatch, evalStringMatch, readStringMatch } from './string-match.ts'

export interface QueryParameterMatch {
  readonly kind: 'query_parameter'
  readonly name: string
  readonly test: { readonly kind: 'present'; readonly present: boolean } | { readonly kind: 'value'; readonly value: StringMatch }
}

const PRESENCE = 'envoy.reloadable_features.enable_new_query_param_present_match_behavior'

export const queryParameter: Matcher<QueryParameterMatch> = {
  kind: 'query_parameter',
  read: (at, { runtime }) =>
    at.messages('query_parameters').map((entry) => ({
      kind: 'query_parameter',
      name: entry.string('name') ?? '',
      test: entry.has('string_match')
        ? { kind: 'value', value: readStringMatch(entry.message('string_match')) }
        : { kind: 'present', present: (entry.boolean('present_match') ?? true) || !runtime.flag(PRESENCE, true) },
    })),
  eval({ name, test }, request) {
    const value = request.query.get(name)
    if (test.kind === 'present') return (value !== undefined) === test.present
    return value !== undefined && evalStringMatch(test.value, value)
  },
  why({ name, test }, request) {
    const value = request.query.get(name)
    const seen = value === undefined ? 'is missing' : `is ${quote(value)}`
    const asked = test.kind === 'value' ? describeStringMatch(test.value) : test.present ? 'be there' : 'be missing'
    return `the query parameter ${quote(name)} ${seen}; it must ${asked}`
  },
}
