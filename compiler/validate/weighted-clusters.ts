/**
 * Weighted clusters of a route. Envoy refuses a total of 0 or over 2^32 - 1, a member without weight, and one with both or none of name and
 * cluster_header; it no longer looks at total_weight (tried; Router::WeightedClusterSpecifierPlugin).
 */
import { ROUTE, type Rule } from './rule.ts'

const MOST = 2 ** 32 - 1

export const weightedClusters: Rule = {
  types: [`${ROUTE}WeightedCluster`],
  check(at, context) {
    let total = 0
    for (const member of at.messages('clusters')) {
      const name = member.string('name') ?? ''
      const header = member.string('cluster_header') ?? ''
      if ((name === '') === (header === ''))
        context.refuse('KM2010', member.path, `a weighted cluster needs one of name and cluster_header${name === '' ? '' : ', not both'}`)
      if (!member.has('weight')) context.refuse('KM2010', member.path, 'a weighted cluster needs a weight')
      total += member.number('weight') ?? 0
    }
    if (total === 0 && at.messages('clusters').every((member) => member.has('weight')))
      context.refuse('KM2008', at.at('clusters'), 'the weights are all 0')
    if (total > MOST) context.refuse('KM2009', at.at('clusters'), `the weights add up to ${total}, and ${MOST} is the most`)
  },
}
