/**
 * Endpoint candidates of a cluster, for an explanation. In: the Program, the name of a cluster. Out: one text each, with its share of new connections, or
 * why there is none. A hash policy of a route is not followed here: with RING_HASH and MAGLEV these are the shares over all hashes.
 */
import { evalBalance } from '../balance/table.ts'
import { addressPortText } from '../../proto/address/address-text.ts'
import type { Program } from '../ir/program.ts'

const SHOWN = 20

export function endpointTexts(program: Program, name: string): readonly string[] {
  const cluster = program.clusters.find((one) => one.name === name)
  if (cluster === undefined) return ['the cluster is not in the snapshot']
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
