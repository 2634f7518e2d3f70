/**
 * What the kernel should hold for an artifact. In: an artifact and an instance; out: the contents of every inner table as an apply would fill them, with the state rows that its owners have now.
 * Nothing is written. Owners that have no row are given the one that they would get.
 */
import { STATE_SHARD_ROWS } from '../../proto/abi.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import { type EpochContents, epochContents } from '../fill.ts'
import { type HeldUnit, heldUnits } from '../names.ts'
import type { Pins } from '../pins.ts'
import { readStates } from '../state-shards.ts'
import { planStates } from '../states.ts'

export interface Expected extends EpochContents {
  readonly units: readonly HeldUnit[]
  /** owners of the artifact whose state row is gone */
  readonly missingOwners: number
}

export function expectedTables(pins: Pins, artifact: Artifact): Expected {
  const { ids, claimed, shards } = planStates(artifact.tables.states, readStates(pins), new Uint8Array(0))
  const homeless = ids.reduce((count, id) => count + (id >= shards * STATE_SHARD_ROWS && id > 0 ? 1 : 0), 0)
  return { ...epochContents(artifact, ids), units: heldUnits(artifact), missingOwners: claimed.length + homeless }
}
