/** The routes of a virtual host: those of its list, and those that are actions of its matcher, at any depth. */
import type { Cursor } from '../input/cursor.ts'

const ROUTE = 'envoy.config.route.v3.Route'

export function routesOf(host: Cursor): readonly Cursor[] {
  const matcher = host.message('matcher')
  return matcher === undefined ? host.messages('routes') : inMatcher(matcher)
}

/** through xds.type.matcher.v3.Matcher: lists, trees, on_no_match */
export function inMatcher(matcher: Cursor): readonly Cursor[] {
  const list = matcher.message('matcher_list')?.messages('matchers') ?? []
  const tree = matcher.message('matcher_tree')
  const maps = ['exact_match_map', 'prefix_match_map'].flatMap((field) => tree?.message(field)?.map('map') ?? [])
  const steps = [...list.map((entry) => entry.message('on_match')), ...maps.map(([, entry]) => entry), matcher.message('on_no_match')]
  return steps.flatMap((step) => {
    const nested = step?.message('matcher')
    if (nested !== undefined) return inMatcher(nested)
    const action = step?.message('action')?.any('typed_config')
    if (action?.known !== true) return []
    return action.type === ROUTE ? [action] : action.type === `${ROUTE}List` ? action.messages('routes') : []
  })
}
