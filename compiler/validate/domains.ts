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
    const seen = new Map<string, () => string>()
    const names = new Set<string>()
    for (const host of at.messages('virtual_hosts')) {
      const name = host.string('name') ?? ''
      if (names.has(name)) context.warn('KM2002', host.at('name'), `two virtual hosts are called ${quote(name)}`)
      names.add(name)
      for (const [index, domain] of host.strings('domains').entries()) checkDomain(domain, host, index, seen, context)
    }
  },
}

function checkDomain(domain: string, host: Cursor, index: number, seen: Map<string, () => string>, context: Context): void {
  const at = (): string => host.at('domains', index)
  // as Envoy, which knows no case beyond ASCII
  const folded = domain.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
  const first = seen.get(folded)
  if (first !== undefined) {
    const what = folded === '*' ? 'a second virtual host for "*"' : `the domain ${quote(domain)} is there twice`
    context.refuse('KM2001', at(), `${what}; the first is ${first()}`)
  }
  seen.set(folded, first ?? at)
  if (domain === '') context.warn('KM2003', at(), 'an empty domain meets only requests without a host')
  else if (domain.slice(1, -1).includes('*') || (domain.length > 1 && domain.startsWith('*') && domain.endsWith('*')))
    context.warn('KM2003', at(), `${quote(domain)} has a "*" that stands for itself, because only one at either end is a wildcard`)
}
