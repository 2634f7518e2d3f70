/**
 * The HTTP filters of a connection manager. Envoy refuses a chain whose last filter passes requests on, a filter that ends the chain anywhere else, a last
 * filter that is disabled, and a filter without configuration that is not optional. No filter at all, and two of one name, load (tried).
 */
import type { Cursor } from '../input/cursor.ts'
import { checkExtension } from './extension-points.ts'
import { kindOfFilter } from './http-filter-kinds.ts'
import { quote } from './quote.ts'
import type { Context, Rule } from './rule.ts'

const HCM = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'

export const httpFilters: Rule = {
  types: [HCM],
  check(at, context) {
    checkChain(at.messages('http_filters'), context)
    for (const upgrade of at.messages('upgrade_configs')) checkChain(upgrade.messages('filters'), context)
  },
}

function checkChain(filters: readonly Cursor[], context: Context): void {
  for (const [index, filter] of filters.entries()) {
    const name = quote(filter.string('name') ?? '')
    const last = index === filters.length - 1
    if (filter.oneof('config_type') === undefined) {
      if (filter.boolean('is_optional') !== true && (filter.string('name') ?? '') !== '')
        context.refuseUnlessLoaded('KM2104', filter.path, `the filter ${name} has no typed_config`)
      continue
    }
    const config = filter.any('typed_config')
    const kind = config === undefined ? undefined : kindOfFilter(config.type)
    if (filter.boolean('is_optional') !== true) checkExtension(config, 'filters.http', context, 'KM2109')
    if (kind === 'terminal' && !last) context.refuse('KM2101', filter.path, `the filter ${name} ends the chain and is not its last filter`)
    if (kind === 'passing' && last) context.refuse('KM2102', filter.path, `the last filter ${name} does not end the chain`)
    if (kind === 'terminal' && last && filter.boolean('disabled') === true)
      context.refuse('KM2103', filter.at('disabled'), `the last filter ${name} cannot be disabled`)
  }
}
