/**
 * A virtual host has a matcher or routes, not both; a virtual cluster needs header matchers; a matcher looks at request headers only. Envoy refuses
 * others (Router::CommonVirtualHostImpl, RouteActionValidationVisitor; tried). A plugin that a route names must be one of the route configuration.
 */
import type { Cursor } from '../input/cursor.ts'
import { quote } from './quote.ts'
import { type Context, ROUTE, type Rule } from './rule.ts'
import { routesOf } from './routes-of.ts'

const INPUT = 'envoy.type.matcher.v3.HttpRequestHeaderMatchInput'

export const virtualHost: Rule = {
  types: [`${ROUTE}VirtualHost`],
  check(at, context) {
    const matcher = at.message('matcher')
    if (matcher !== undefined && at.messages('routes').length > 0)
      context.refuse('KM2020', at.at('matcher'), 'a virtual host has a matcher or routes, not both')
    if (matcher !== undefined) checkInputs(matcher, context)
    for (const cluster of at.messages('virtual_clusters')) {
      if (cluster.messages('headers').length === 0) context.refuse('KM2021', cluster.path, 'a virtual cluster needs headers')
    }
  },
}

function checkInputs(matcher: Cursor, context: Context): void {
  const tree = matcher.message('matcher_tree')
  const entries = matcher.message('matcher_list')?.messages('matchers') ?? []
  if (tree !== undefined) checkInput(tree.message('input'), context)
  for (const entry of entries) {
    const predicate = entry.message('predicate')
    if (predicate !== undefined) checkPredicate(predicate, context)
  }
  const maps = ['exact_match_map', 'prefix_match_map'].flatMap((field) => tree?.message(field)?.map('map') ?? [])
  const steps = [...entries.map((entry) => entry.message('on_match')), ...maps.map(([, step]) => step), matcher.message('on_no_match')]
  for (const step of steps) {
    checkAction(step, context)
    const nested = step?.message('matcher')
    if (nested !== undefined) checkInputs(nested, context)
  }
}

function checkPredicate(predicate: Cursor, context: Context): void {
  checkInput(predicate.message('single_predicate')?.message('input'), context)
  const inner = predicate.message('not_matcher')
  if (inner !== undefined) checkPredicate(inner, context)
  for (const list of ['or_matcher', 'and_matcher']) {
    for (const one of predicate.message(list)?.messages('predicate') ?? []) checkPredicate(one, context)
  }
}

/** every step of a matcher ends in a route or a list of routes */
function checkAction(step: Cursor | undefined, context: Context): void {
  const action = step?.message('action')
  const config = action?.any('typed_config')
  if (action !== undefined && config?.known === true && config.type !== `${ROUTE}Route` && config.type !== `${ROUTE}RouteList`)
    context.refuse('KM2033', action.at('typed_config'), `${config.type} is neither a route nor a list of routes`)
}

function checkInput(input: Cursor | undefined, context: Context): void {
  const config = input?.any('typed_config')
  if (input !== undefined && config?.known === true && config.type !== INPUT)
    context.refuse('KM2022', input.at('typed_config'), `routes are matched on request headers only, not on ${config.type}`)
}

export const clusterPlugins: Rule = {
  types: [`${ROUTE}RouteConfiguration`],
  check(at, context) {
    const known = new Set(at.messages('cluster_specifier_plugins').map((plugin) => plugin.message('extension')?.string('name') ?? ''))
    for (const host of at.messages('virtual_hosts')) {
      for (const route of routesOf(host)) {
        const action = route.message('route')
        const name = action?.string('cluster_specifier_plugin')
        if (action !== undefined && name !== undefined && !known.has(name))
          context.refuse('KM2023', action.at('cluster_specifier_plugin'), `the route configuration has no plugin ${quote(name)}`)
      }
    }
  },
}
