/**
 * A routing case with as many routes as asked for, for the time that finding one takes. In: how many. Out: the case, and requests that different parts of the tables
 * answer. Invariant: the requests are the same whatever the number of routes, from 10 on.
 */
import type { RoutingCase, RoutingRequest } from './routing-case.ts'

const DOMAIN = 'a.default.svc.cluster.local'
const word = (index: number): string => `svc-${(Math.imul(index, 0x9e3779b1) >>> 0).toString(36)}`

export function manyRoutes(count: number): RoutingCase {
  const routes = Array.from({ length: count }, (_, index) => ({ name: `r${index}`, match: matchOf(index), route: { cluster: 'c0' } }))
  const last = { name: 'last', match: { prefix: '/' }, route: { cluster: 'c1' } }
  return {
    id: `many-${count}`,
    route_config: { name: 'many', virtual_hosts: [{ name: 'v', domains: [DOMAIN, '*.example.com'], routes: [...routes, last] }] },
    requests: [],
  }
}

function matchOf(index: number): RoutingCase['route_config'] {
  switch (index % 3) {
    case 0:
      return { prefix: `/api/${word(index)}/v${index % 7}/` }
    case 1:
      return { path: `/api/${word(index)}/items/${index}` }
    default:
      return {
        path_separated_prefix: `/x/${word(index).repeat(1 + (index % 4))}`,
        headers: [{ name: 'x-canary', string_match: { exact: 'true' } }],
      }
  }
}

const HEADERS = [
  ['user-agent', 'curl/8.0'],
  ['accept', '*/*'],
  ['x-canary', 'true'],
] as const

/** by what finds their route */
export const MANY_REQUESTS: Readonly<
  Record<'prefix' | 'exact' | 'header' | 'last', { readonly request: RoutingRequest; readonly route: string }>
> = {
  prefix: { request: get(DOMAIN, `/api/${word(6)}/v6/some/more`), route: 'routes[6]' },
  exact: { request: get(DOMAIN, `/api/${word(7)}/items/7`), route: 'routes[7]' },
  header: { request: get(DOMAIN, `/x/${word(8)}/a`), route: 'routes[8]' },
  last: { request: get('foo.example.com', '/nothing/here/at/all'), route: '' },
}

function get(authority: string, path: string): RoutingRequest {
  return { method: 'GET', authority, path, headers: HEADERS }
}
