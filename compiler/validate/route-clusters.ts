/**
 * Clusters that routes name and the snapshot does not have. Envoy refuses an inline route configuration with one, unless validate_clusters is false, and
 * a route configuration of RDS only if validate_clusters is true; routes below a virtual host's matcher are never looked at (tried). Weight 0 does not help.
 */
import type { Cursor } from '../input/cursor.ts'
import { quote } from './quote.ts'
import { type Context, ROUTE, type Rule } from './rule.ts'

export const routeClusters: Rule = {
  types: [`${ROUTE}RouteConfiguration`],
  check(at, context) {
    const { clusters } = context.facts
    if (clusters === undefined) return
    const strict = at.boolean('validate_clusters') ?? !at.path.startsWith('rds[')
    // a dump of a running proxy may be cut, and the proxy had the cluster
    const refused = strict && !context.loaded
    for (const host of at.each('virtual_hosts')) {
      for (const route of host.messages('routes')) {
        for (const { name, path, what } of namesOf(route, host, at)) {
          if (!clusters.has(name)) report(context, refused, path(), `${what} ${quote(name)} is not in the snapshot`)
        }
      }
    }
  },
}

function report(context: Context, refused: boolean, path: string, message: string): void {
  if (refused) context.refuse('KM2018', path, message)
  else context.warn('KM2019', path, `${message}; its requests get 503`)
}

interface Name {
  readonly name: string
  readonly path: () => string
  readonly what: string
}

function namesOf(route: Cursor, host: Cursor, configuration: Cursor): readonly Name[] {
  const action = route.message('route')
  const cluster = action?.string('cluster')
  const members = action?.message('weighted_clusters')?.messages('clusters') ?? []
  // the route's own mirrors, else the virtual host's, else the route configuration's
  const mirrors = [action, host, configuration].map((at) => at?.messages('request_mirror_policies') ?? []).find((list) => list.length > 0)
  return [
    ...(action === undefined || cluster === undefined ? [] : [{ name: cluster, path: () => action.at('cluster'), what: 'the cluster' }]),
    ...members.flatMap((member) => named(member, 'name', 'the weighted cluster')),
    ...(mirrors ?? []).flatMap((mirror) => named(mirror, 'cluster', 'the mirror cluster')),
  ]
}

function named(at: Cursor, field: string, what: string): readonly Name[] {
  const name = at.string(field) ?? ''
  return name === '' ? [] : [{ name, path: () => at.at(field), what }]
}
