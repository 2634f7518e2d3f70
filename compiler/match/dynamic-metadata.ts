/**
 * RouteMatch.dynamic_metadata: what filters found out about the request. No filter has run when a route is asked about, so there is no metadata, and a value
 * that is not there fulfils no matcher, not even present_match: false; an inverted one holds.
 * Source: Envoy's common/common/matchers.cc (MetadataMatcher, ValueMatcher); tried on Envoy 1.40.
 */
import type { Matcher } from './matcher.ts'

export interface DynamicMetadataMatch {
  readonly kind: 'dynamic_metadata'
  readonly filter: string
  readonly invert: boolean
}

export const dynamicMetadata: Matcher<DynamicMetadataMatch> = {
  kind: 'dynamic_metadata',
  read: (at) =>
    at.messages('dynamic_metadata').map((entry) => ({
      kind: 'dynamic_metadata',
      filter: entry.string('filter') ?? '',
      invert: entry.boolean('invert') ?? false,
    })),
  eval: ({ invert }) => invert,
  why: ({ filter }) => `filter ${filter} left no metadata (none has run)`,
}
