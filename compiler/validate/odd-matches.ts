/**
 * Matches that Envoy loads and that can never be true, and routes behind one that takes everything. Warnings only.
 * Source: Envoy's route_components.proto (range_match is half open; the first route that matches is taken); tried.
 */
import type { Cursor } from '../input/cursor.ts'
import { quote } from './quote.ts'
import { ROUTE, type Rule } from './rule.ts'

export const oddMatches: Rule = {
  types: [`${ROUTE}HeaderMatcher`],
  check(at, context) {
    const range = at.message('range_match')
    const [start, end] = [range?.number('start') ?? 0, range?.number('end') ?? 0]
    if (range !== undefined && start >= end)
      context.warn('KM2030', range.path, `no number is from ${start} up to, but not including, ${end}`)
    if (
      at.boolean('treat_missing_header_as_empty') === true &&
      at.oneof('header_match_specifier') === 'present_match' &&
      at.boolean('present_match') === false
    )
      context.warn('KM2030', at.at('present_match'), 'a header that is treated as empty when it is missing is never absent')
  },
}

export const hiddenRoutes: Rule = {
  types: [`${ROUTE}VirtualHost`],
  check(at, context) {
    const routes = at.messages('routes')
    const all = routes.findIndex((route) => takesEverything(route.message('match')))
    const hidden = all < 0 ? 0 : routes.length - all - 1
    const next = routes[all + 1]
    if (hidden === 0 || next === undefined) return
    const name = routes[all]?.string('name') ?? ''
    const which = name === '' ? `route ${all}` : `the route ${quote(name)}`
    context.warn(
      'KM2031',
      next.path,
      `${which} takes every request, so ${hidden === 1 ? 'this route is' : `these ${hidden} routes are`} never reached`,
    )
  },
}

/** conditions beside the path make a match less than everything */
function takesEverything(match: Cursor | undefined): boolean {
  const prefix = match?.string('prefix')
  if (match === undefined || (prefix !== '/' && prefix !== '')) return false
  return match.fields().every((field) => field === 'prefix' || field === 'case_sensitive')
}
