/**
 * Domains of virtual hosts. Envoy refuses a route configuration in which two domains are equal without case (the empty one too) or "*" stands twice,
 * also within one virtual host. It loads "a*b", and two virtual hosts of one name (tried; Router::RouteMatcher).
 */
import type { Cursor } from '../input/cursor.ts'
import { quote } from './quote.ts'
import { type Context, ROUTE, type Rule } from './rule.ts'

export const domains: Rule = {
  types: [`${ROUTE}RouteConfiguration`],
  check(at, context) {
    /** domains in lower case, by their number in the whole configuration */
    const seen = new Map<string, number>()
    const names = new Set<string>()
    let number = 0
    for (const host of at.each('virtual_hosts')) {
      const name = host.string('name') ?? ''
      if (names.has(name)) context.warn('KM2002', host.at('name'), `two virtual hosts are called ${quote(name)}`)
      names.add(name)
      for (const [index, domain] of host.strings('domains').entries()) {
        // as Envoy, which knows no case beyond ASCII
        const folded = /[A-Z]/.test(domain) ? domain.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : domain
        const first = seen.get(folded)
        if (first === undefined) seen.set(folded, number)
        else {
          const what = folded === '*' ? 'a second virtual host for "*"' : `the domain ${quote(domain)} is there twice`
          context.refuse('KM2001', host.at('domains', index), `${what}; the first is ${placeOf(first, at.each('virtual_hosts'))}`)
        }
        checkStars(domain, host, index, context)
        number++
      }
    }
  },
}

/** path of a domain by its number */
function placeOf(number: number, hosts: Iterable<Cursor>): string {
  let left = number
  for (const host of hosts) {
    const { length } = host.strings('domains')
    if (left < length) return host.at('domains', left)
    left -= length
  }
  return ''
}

function checkStars(domain: string, host: Cursor, index: number, context: Context): void {
  if (domain === '') context.warn('KM2003', host.at('domains', index), 'an empty domain meets only requests without a host')
  else if (domain.slice(1, -1).includes('*') || (domain.length > 1 && domain.startsWith('*') && domain.endsWith('*')))
    context.warn(
      'KM2003',
      host.at('domains', index),
      `${quote(domain)} has a "*" that stands for itself, because only one at either end is a wildcard`,
    )
}
