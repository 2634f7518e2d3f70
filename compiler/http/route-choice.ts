/**
 * The route of a request within its virtual host: the first whose conditions all hold. In: a virtual host and a request. Out: the route, and on demand every
 * route that was tried with the reason why it did not match. Invariant: with and without a trail the answer is the same.
 */
import { explainMismatch, firstMismatch } from '../match/table.ts'
import { evalMatchTree } from './eval-match-tree.ts'
import type { Route, VirtualHost } from './model.ts'
import type { HttpRequest } from './request.ts'

/** A route, or a branch of a matcher, that was tried before the one that was taken, and why it did not match. */
export interface Tried {
  readonly path: string
  readonly name: string
  readonly why: string
}

export type RouteChoice =
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'none' }
  /** the configuration asks for something that nobody here can judge */
  | { readonly kind: 'undecided'; readonly why: string }

const NONE: RouteChoice = { kind: 'none' }

/** `trail`: filled when given */
export function chooseRoute(virtualHost: VirtualHost, request: HttpRequest, trail: Tried[] | undefined): RouteChoice {
  if (virtualHost.matcher === undefined) return firstRoute(virtualHost.routes, request, trail)
  const found = evalMatchTree(virtualHost.matcher, request, trail)
  if (found.kind !== 'routes') return found
  return firstRoute(found.routes, request, trail)
}

function firstRoute(routes: readonly Route[], request: HttpRequest, trail: Tried[] | undefined): RouteChoice {
  for (const route of routes) {
    const node = firstMismatch(route.match, request)
    if (node === undefined) return { kind: 'route', route }
    trail?.push({ path: route.path, name: route.name, why: explainMismatch(node, request) })
  }
  return NONE
}
