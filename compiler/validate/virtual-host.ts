/**
 * A virtual host has a matcher or routes, not both; a virtual cluster needs header matchers; a matcher looks at request headers (or at filter state, or the environment). Envoy refuses
 * others (Router::CommonVirtualHostImpl, RouteActionValidationVisitor; tried). A plugin that a route names must be one of the route configuration.
 */
import type { Cursor } from '../input/cursor.ts'
import { inputsOf, stepsOf } from './matcher-inputs.ts'
import { quote } from './quote.ts'
import { type Context, ROUTE, type Rule } from './rule.ts'
import { routesOf } from './routes-of.ts'

const INPUTS: ReadonlySet<string> = new Set([
  'envoy.type.matcher.v3.HttpRequestHeaderMatchInput',
  'envoy.extensions.matching.common_inputs.network.v3.FilterStateInput',
  'envoy.extensions.matching.common_inputs.environment_variable.v3.Config',
])

export const virtualHost: Rule = {
  types: [`${ROUTE}VirtualHost`],
  check(at, context) {
    const matcher = at.message('matcher')
    if (matcher !== undefined && at.messages('routes').length > 0)
      context.refuse('KM2020', at.at('matcher'), 'a virtual host has a matcher or routes, not both')
    if (matcher !== undefined) checkMatcher(matcher, context)
    for (const cluster of at.messages('virtual_clusters')) {
      if (cluster.messages('headers').length === 0) context.refuse('KM2021', cluster.path, 'a virtual cluster needs headers')
    }
  },
}

function checkMatcher(matcher: Cursor, context: Context): void {
  for (const input of inputsOf(matcher)) checkInput(input, context)
  checkSteps(matcher, context)
}

function checkSteps(matcher: Cursor, context: Context): void {
  for (const step of stepsOf(matcher)) {
    checkAction(step, context)
    const nested = step.message('matcher')
    if (nested !== undefined) checkSteps(nested, context)
  }
}

/** every step of a matcher ends in a route or a list of routes */
function checkAction(step: Cursor, context: Context): void {
  const action = step.message('action')
  const config = action?.any('typed_config')
  if (action !== undefined && config?.known === true && config.type !== `${ROUTE}Route` && config.type !== `${ROUTE}RouteList`)
    context.refuse('KM2033', action.at('typed_config'), `${config.type} is neither a route nor a list of routes`)
}

function checkInput(input: Cursor, context: Context): void {
  const config = input.any('typed_config')
  if (config?.known === true && !INPUTS.has(config.type))
    context.refuse(
      'KM2022',
      input.at('typed_config'),
      `routes are matched on request headers, filter state and the environment, not on ${config.type}`,
    )
}

export const clusterPlugins: Rule = {
  types: [`${ROUTE}RouteConfiguration`],
  check(at, context) {
    const known = new Set(at.messages('cluster_specifier_plugins').map((plugin) => plugin.message('extension')?.string('name') ?? ''))
    for (const host of at.each('virtual_hosts')) {
      for (const route of routesOf(host)) {
        const action = route.message('route')
        const name = action?.string('cluster_specifier_plugin')
        if (action !== undefined && name !== undefined && !known.has(name))
          context.refuse('KM2023', action.at('cluster_specifier_plugin'), `the route configuration has no plugin ${quote(name)}`)
      }
    }
  },
}
