/**
 * Headers that are added, changed or removed. Envoy refuses names that begin with ":" and "host", append together with append_action, and values that
 * are no valid substitution format (Router::HeaderParser; tried). An odd name or a control character in a value loads.
 */
import type { Cursor } from '../input/cursor.ts'
import { quote } from './quote.ts'
import { type Context, ROUTE, type Rule } from './rule.ts'
import { formatMistake } from './substitution.ts'

const LISTS = ['request_headers_to_remove', 'response_headers_to_remove']
const fixed = (name: string): boolean => name.startsWith(':') || name.toLowerCase() === 'host'

export const removedHeaders: Rule = {
  types: [`${ROUTE}RouteConfiguration`, `${ROUTE}VirtualHost`, `${ROUTE}Route`, `${ROUTE}WeightedCluster.ClusterWeight`],
  check(at, context) {
    for (const list of LISTS) {
      for (const [index, name] of at.strings(list).entries()) {
        if (fixed(name)) context.refuse('KM2005', at.at(list, index), `the header ${quote(name)} may not be removed`)
      }
    }
  },
}

/** Wherever they stand: routes, local replies, filters, health checks. */
export const addedHeaders: Rule = { types: ['envoy.config.core.v3.HeaderValueOption'], check: checkAdded }

function checkAdded(option: Cursor, context: Context): void {
  const header = option.message('header')
  if (header === undefined) return
  const name = header.string('key') ?? ''
  if (fixed(name)) {
    const instead = name.toLowerCase() === ':path' ? 'prefix_rewrite or regex_rewrite' : 'host_rewrite_literal'
    const fix = /^:?(path|authority|host)$/i.test(name) ? `use ${instead} of the route` : undefined
    context.refuse('KM2004', header.at('key'), `the header ${quote(name)} may not be changed`, fix)
  }
  if (option.has('append') && option.has('append_action') && option.enum('append_action') !== 'APPEND_IF_EXISTS_OR_ADD')
    context.refuse('KM2006', option.at('append_action'), 'append and append_action are both set')
  const value = header.string('value') ?? ''
  const mistake = formatMistake(legacyFormat(value))
  if (mistake !== undefined) context.refuse('KM2007', header.at('value'), `${quote(value)}: ${mistake}`)
}

/** Header values take two older spellings too, which Envoy translates first: metadata as a JSON list, and PER_REQUEST_STATE. */
export function legacyFormat(value: string): string {
  return value
    .replace(/%(UPSTREAM|DYNAMIC)_METADATA\(\[\s*((?:"[^"]*"(?:\s*,\s*)?)+)\s*\]\)%/g, (_all, kind: string, list: string) => {
      const parts = [...list.matchAll(/"([^"]*)"/g)].map(([, part]) => part)
      return `%${kind}_METADATA(${parts.join(':')})%`
    })
    .replace(/%PER_REQUEST_STATE\((.+?)\)%/g, '%FILTER_STATE($1:PLAIN)%')
}
