/** RouteMatch.filter_state: an object that filters keep for the request. No filter has run when a route is asked about, so it is not there and nothing holds. */
import type { Matcher } from './matcher.ts'

export interface FilterStateMatch {
  readonly kind: 'filter_state'
  readonly key: string
}

export const filterState: Matcher<FilterStateMatch> = {
  kind: 'filter_state',
  read: (at) => at.messages('filter_state').map((entry) => ({ kind: 'filter_state', key: entry.string('key') ?? '' })),
  eval: () => false,
  why: ({ key }) => `there is no filter state ${key} (no filter has run)`,
}
