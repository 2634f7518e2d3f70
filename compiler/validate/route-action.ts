/**
 * What a route may not combine: two rewrites of the path, two mirrors in one, several upgrades of one type, a back-off that shrinks. Envoy refuses
 * them (Router::RouteEntryImplBase, ShadowPolicyImpl, RetryPolicyImpl, InternalRedirectPolicyImpl; tried).
 */
import type { Cursor } from '../input/cursor.ts'
import { quote } from './quote.ts'
import { ROUTE, type Rule } from './rule.ts'

export const rewrites: Rule = {
  types: [`${ROUTE}RouteAction`],
  check(at, context) {
    const set = ['prefix_rewrite', 'regex_rewrite', 'path_rewrite_policy', 'path_rewrite'].filter(
      (field) => at.has(field) && at.raw(field) !== '',
    )
    if (set.length > 1) context.refuse('KM2011', at.at(set[1] as string), `only one of ${set.join(' and ')} may be set`)
    for (const field of ['regex_rewrite', 'host_rewrite_path_regex']) {
      const rewrite = at.message(field)
      const text = rewrite?.string('substitution') ?? ''
      // RE2 leaves the text as it is when it cannot read the substitution
      if (rewrite !== undefined && !/^(?:[^\\]|\\[0-9\\])*$/.test(text))
        context.warn(
          'KM2029',
          rewrite.at('substitution'),
          `${quote(text)} is no substitution: a "\\" is followed by a digit or another "\\"`,
        )
    }
  },
}

export const mirrors: Rule = {
  types: [`${ROUTE}RouteAction.RequestMirrorPolicy`],
  check(at, context) {
    const cluster = at.string('cluster') ?? ''
    const header = at.string('cluster_header') ?? ''
    if ((cluster === '') === (header === ''))
      context.refuse('KM2012', at.path, `a mirror needs one of cluster and cluster_header${cluster === '' ? '' : ', not both'}`)
  },
}

export const upgrades: Rule = {
  types: [`${ROUTE}RouteAction`],
  check(at, context) {
    const seen = new Set<string>()
    for (const upgrade of at.messages('upgrade_configs')) {
      const type = (upgrade.string('upgrade_type') ?? '').toLowerCase()
      if (seen.has(type)) context.refuse('KM2013', upgrade.path, `the upgrade ${quote(type)} is there twice`)
      seen.add(type)
      if (upgrade.has('connect_config') && type !== 'connect' && type !== 'connect-udp')
        context.refuse('KM2014', upgrade.at('connect_config'), `connect_config is for CONNECT, not for ${quote(type)}`)
    }
  },
}

export const retries: Rule = {
  types: [`${ROUTE}RetryPolicy`],
  check(at, context) {
    const backOff = at.message('retry_back_off')
    const base = millis(backOff, 'base_interval')
    const most = millis(backOff, 'max_interval')
    if (backOff !== undefined && base !== undefined && most !== undefined && most < base)
      context.refuse('KM2015', backOff.at('max_interval'), 'max_interval is shorter than base_interval')
    for (const extension of [...at.messages('retry_host_predicate'), ...optional(at.message('retry_priority'))]) {
      const name = extension.string('name') ?? ''
      if (name !== '' && !extension.has('typed_config'))
        context.refuseUnlessLoaded('KM2032', extension.path, `the extension ${quote(name)} has no typed_config`)
    }
  },
}

const optional = (at: Cursor | undefined): readonly Cursor[] => (at === undefined ? [] : [at])

/** whole milliseconds, one at least, as Envoy rounds them */
function millis(at: Cursor | undefined, field: string): number | undefined {
  const value = at?.duration(field)
  return value === undefined ? undefined : Math.max(1, Math.floor(value))
}

export const internalRedirects: Rule = {
  types: [`${ROUTE}InternalRedirectPolicy`],
  check(at, context) {
    for (const [index, name] of at.strings('response_headers_to_copy').entries()) {
      if (name.startsWith(':') || name.toLowerCase() === 'host')
        context.refuse('KM2016', at.at('response_headers_to_copy', index), `the header ${quote(name)} may not be copied`)
    }
  },
}
