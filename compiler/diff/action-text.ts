/**
 * What a route does, in a few words. In: envoy.config.route.v3.Route as plain JSON. Out: its action as text, the clusters it leads to with their weights, and what of
 * the route no word says (timeouts, rewrites, header mutations), left for the list of fields.
 */
import { listAt, objectAt, type Plain, type PlainObject, textAt, without } from './plain.ts'

export interface RouteActionText {
  readonly action: string
  readonly weights: readonly { readonly cluster: string; readonly weight: string; readonly rest: PlainObject }[]
  readonly clusters: readonly string[]
  readonly rest: PlainObject
}

/** `rest` has the fields of the route but for name and match. */
export function routeAction(route: PlainObject): RouteActionText {
  const others = without(route, 'name', 'match', 'route', 'redirect', 'direct_response', 'non_forwarding_action', 'filter_action')
  if (route.route !== undefined) return forwarding(objectAt(route, 'route'), others)
  if (route.redirect !== undefined) return plain(redirectText(objectAt(route, 'redirect')), others)
  if (route.direct_response !== undefined) return direct(objectAt(route, 'direct_response'), others)
  if (route.non_forwarding_action !== undefined) return plain('non_forwarding_action', others)
  return plain(route.filter_action === undefined ? 'none' : `filter_action ${JSON.stringify(route.filter_action)}`, others)
}

const plain = (action: string, rest: PlainObject): RouteActionText => ({ action, weights: [], clusters: [], rest })

function forwarding(route: PlainObject, others: PlainObject): RouteActionText {
  const settings = (...names: readonly string[]): PlainObject => {
    const left = without(route, ...names)
    return Object.keys(left).length === 0 ? others : { ...others, route: left }
  }
  const cluster = textAt(route, 'cluster')
  if (cluster !== '') return { action: `cluster ${JSON.stringify(cluster)}`, weights: [], clusters: [cluster], rest: settings('cluster') }
  const header = textAt(route, 'cluster_header')
  if (header !== '') return plain(`the cluster that the header ${header} names`, settings('cluster_header'))
  if (route.weighted_clusters === undefined) return plain('a cluster that a plugin names', settings())
  const weighted = objectAt(route, 'weighted_clusters')
  const left = without(weighted, 'clusters')
  const rest = settings('weighted_clusters')
  const weights = weightsOf(weighted)
  return {
    action: 'weighted clusters',
    weights,
    clusters: weights.map((one) => one.cluster),
    rest: Object.keys(left).length === 0 ? rest : { ...rest, weighted_clusters: left },
  }
}

/** Also of tcp_proxy: clusters, each with `name` and `weight`. */
export function weightsOf(weighted: Plain): RouteActionText['weights'] {
  return listAt(weighted, 'clusters').map((one) => {
    const header = textAt(one, 'cluster_header')
    return {
      cluster: textAt(one, 'name') || (header === '' ? '' : `(header ${header})`),
      weight: textAt(one, 'weight') || '0',
      rest: without(one, 'name', 'weight', 'cluster_header'),
    }
  })
}

const CODES: Readonly<Record<string, string>> = {
  MOVED_PERMANENTLY: '301',
  FOUND: '302',
  SEE_OTHER: '303',
  TEMPORARY_REDIRECT: '307',
  PERMANENT_REDIRECT: '308',
}

function redirectText(redirect: PlainObject): string {
  const code = textAt(redirect, 'response_code')
  const known = without(redirect, 'response_code')
  const parts = Object.entries(known).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  return [`redirect ${CODES[code || 'MOVED_PERMANENTLY'] ?? code}`, ...parts].join(', ')
}

function direct(response: PlainObject, others: PlainObject): RouteActionText {
  const body = textAt(response, 'body', 'inline_string')
  const left = body === '' ? without(response, 'status') : without(response, 'status', 'body')
  const action = `direct_response ${textAt(response, 'status') || '0'}${body === '' ? '' : ` ${JSON.stringify(body)}`}`
  return plain(action, Object.keys(left).length === 0 ? others : { ...others, direct_response: left })
}
