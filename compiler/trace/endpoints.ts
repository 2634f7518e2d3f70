/**
 * Endpoint candidates of a request's cluster, for an explanation. In: the Program, a decision. Out: one text each, with its share of new connections, or
 * why there is none. A hash policy of a route is not followed here: with RING_HASH and MAGLEV these are the shares over all hashes.
 */
import { evalBalance } from '../balance/table.ts'
import { addressPortText } from '../../proto/address/address-text.ts'
import { chosenCriteria } from '../http/cluster-choice.ts'
import type { Decision } from '../http/model.ts'
import { criteriaText, NO_CRITERIA } from '../http/subset-criteria.ts'
import type { Program } from '../ir/program.ts'

const SHOWN = 20

/** `decision`: one that leads to a cluster */
export function endpointTexts({ clusters }: Program, { cluster: name, detail: { route, weightedCluster } }: Decision): readonly string[] {
  const criteria = route === undefined ? NO_CRITERIA : chosenCriteria({ route, weightedCluster })
  const found = clusters.find((one) => one.name === name && one.subset === undefined)
  const text = found?.subsets === true && criteria.length > 0 ? criteriaText(criteria) : undefined
  const cluster =
    text === undefined ? found : clusters.find(({ subset }) => subset !== undefined && subset.of === name && subset.criteria === text)
  if (cluster === undefined) return [found === undefined ? 'the cluster is not in the snapshot' : `those of ${text}`]
  const { target } = cluster
  if (target.kind === 'original_dst') return ['wherever the connection was going (ORIGINAL_DST)']
  if (target.kind === 'refuse') return [`none: ${target.why} (${target.reason})`]
  const { shares, refused } = evalBalance(target.balance, undefined)
  const texts = [...shares].map(([endpoint, share]) => `${addressPortText(endpoint.address, endpoint.port)}, ${percent(share)}`)
  if (refused > 0) texts.push(`none for ${percent(refused)} of the connections`)
  if (texts.length === 0) return ['none']
  return texts.length <= SHOWN ? texts : [...texts.slice(0, SHOWN), `and ${texts.length - SHOWN} more`]
}

function percent(share: number): string {
  return `${Math.round(share * 10_000) / 100} %`
}
