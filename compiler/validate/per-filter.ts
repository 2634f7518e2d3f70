/**
 * Configuration of filters at a route, a virtual host, a weighted cluster or a route configuration. Envoy refuses it for a filter that takes none there, an
 * empty one, and a FilterConfig that says nothing; the name of the entry is not looked at (tried; Router::PerFilterConfigs).
 */
import type { Cursor } from '../input/cursor.ts'
import { checkExtension } from './extension-points.ts'
import { EXTENSION_TYPES } from './extension-types.ts'
import { HEADER_TO_METADATA } from './filter-settings.ts'
import { routeMessageInstead, takesRouteConfig } from './http-filter-kinds.ts'
import { quote } from './quote.ts'
import { type Context, ROUTE, type Rule } from './rule.ts'

const LOCAL_RATE_LIMIT = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'
const HTTP_FILTERS: ReadonlySet<string> = EXTENSION_TYPES['filters.http']
const FILTER_CONFIG = `${ROUTE}FilterConfig`

export const perFilterConfig: Rule = {
  types: [`${ROUTE}RouteConfiguration`, `${ROUTE}VirtualHost`, `${ROUTE}Route`, `${ROUTE}WeightedCluster.ClusterWeight`],
  check(at, context) {
    for (const [name, config] of at.map('typed_per_filter_config')) checkEntry(name, config, context)
  },
}

function checkEntry(name: string, config: Cursor, context: Context): void {
  if (config.type === FILTER_CONFIG && config.known) {
    const inner = config.any('config')
    // an empty one only enables the filter
    if (config.boolean('is_optional') === true && inner !== undefined && !HTTP_FILTERS.has(inner.type)) return
    if (inner !== undefined) checkConfig(name, inner, 'may be empty', context)
    else if (config.boolean('disabled') !== true)
      context.refuse('KM2106', config.path, `the FilterConfig of ${quote(name)} neither disables the filter nor configures it`)
  } else checkConfig(name, config, 'not empty', context)
}

function checkConfig(name: string, config: Cursor, emptiness: 'may be empty' | 'not empty', context: Context): void {
  if (config.type === '' && emptiness === 'not empty') context.refuse('KM2106', config.path, `the configuration of ${quote(name)} is empty`)
  else if (config.type !== '' && !HTTP_FILTERS.has(config.type)) checkExtension(config, 'filters.http', context, 'KM2105')
  else if (config.known && !takesRouteConfig(config.type))
    context.refuse('KM2105', config.path, `${config.type} is no configuration of a route or virtual host`)
  // an empty message of the wrong type loads (tried)
  else if (config.known && config.fields().length > 0 && routeMessageInstead(config.type) !== undefined)
    context.refuse('KM2105', config.path, `${config.type} configures the filter itself; here it takes ${routeMessageInstead(config.type)}`)
  else if (config.known && config.type === LOCAL_RATE_LIMIT && !config.has('token_bucket'))
    context.refuse('KM2113', config.path, 'a local rate limit of a route or virtual host needs a token_bucket')
  else if (config.known && config.type === HEADER_TO_METADATA && !RULES.some((field) => config.messages(field).length > 0))
    context.refuse('KM2126', config.path, 'for a route or virtual host header_to_metadata needs request_rules or response_rules')
}

const RULES = ['request_rules', 'response_rules'] as const
const SHORTEST_FILL = 50

/** Its timers are no finer, and what a bucket is for is told by all entries in their order (tried). */
export const localRateLimit: Rule = {
  types: [LOCAL_RATE_LIMIT],
  check(at, context) {
    checkInterval(at, context)
    const seen = new Set<string>()
    for (const descriptor of at.messages('descriptors')) {
      checkInterval(descriptor, context)
      const entries = descriptor.messages('entries').map((entry) => [entry.string('key') ?? '', entry.string('value') ?? ''] as const)
      const identity = JSON.stringify(entries)
      const text = entries.map(([key, value]) => `${key}=${value}`).join(', ')
      if (seen.has(identity)) context.refuseUnlessLoaded('KM2126', descriptor.at('entries'), `a second descriptor of ${quote(text)}`)
      seen.add(identity)
    }
  },
}

function checkInterval(at: Cursor, context: Context): void {
  const bucket = at.message('token_bucket')
  const interval = bucket?.duration('fill_interval')
  if (bucket !== undefined && interval !== undefined && interval > 0 && interval < SHORTEST_FILL)
    context.refuse('KM2114', bucket.at('fill_interval'), `fill_interval is ${interval} ms, and ${SHORTEST_FILL} ms is the least`)
}
