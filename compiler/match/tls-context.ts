/**
 * RouteMatch.tls_context: whether the client presented a certificate, and a valid one. A request that is asked about comes without a certificate, so both
 * are false. Source: Envoy's router/config_impl.cc (evaluateTlsContextMatch).
 */
import type { Matcher } from './matcher.ts'

export interface TlsContextMatch {
  readonly kind: 'tls_context'
  readonly presented: boolean | undefined
  readonly validated: boolean | undefined
}

export const tlsContext: Matcher<TlsContextMatch> = {
  kind: 'tls_context',
  read(at) {
    const context = at.message('tls_context')
    if (context === undefined) return []
    return [{ kind: 'tls_context', presented: context.boolean('presented'), validated: context.boolean('validated') }]
  },
  eval: ({ presented, validated }) => presented !== true && validated !== true,
  why: ({ presented }) => `the client presented no ${presented === true ? '' : 'valid '}certificate`,
}
