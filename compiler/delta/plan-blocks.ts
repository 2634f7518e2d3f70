/** The rows of each cluster of a Plan. In: the Plan, where rows stand in it. Out: a source of blocks; nothing is copied but places of states. */
import * as abi from '../../proto/abi.ts'
import type { Field } from '../../proto/layout.ts'
import type { Plan } from '../lower/plan.ts'
import type { BlockPlaces } from '../lower/replace-block.ts'
import type { BlockSource } from './artifact-delta.ts'

const TIERS = (abi.cluster.fields.cells as Field).offset + (abi.cell.fields.tiers as Field).offset

export function planBlocks({ tables }: Plan, places: BlockPlaces): BlockSource {
  const { cluster, endpoint, endpointRelocations, states } = tables
  const heads = new DataView(cluster.buffer, cluster.byteOffset, cluster.byteLength)
  return {
    states,
    block(index) {
      const start = (places.rows[index] as number) * abi.ROW_SIZE
      return {
        bytes: endpoint.subarray(start, (places.rows[index + 1] as number) * abi.ROW_SIZE),
        tiers: heads.getUint32(index * abi.cluster.size + TIERS, true),
        relocations: endpointRelocations.slice(places.relocations[index], places.relocations[index + 1]).map((offset) => offset - start),
      }
    },
  }
}
