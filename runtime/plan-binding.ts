/**
 * What a plan holds for. In: an apply with what its plan expects; out: nothing, or KM9128: under the lock, so that nothing can change afterwards.
 */
import type { ApplyRequest } from './apply-request.ts'
import { coded } from './coded-error.ts'
import { liveRecord, type RecordTables, recordDigest } from './record.ts'

export type PlannedFor = NonNullable<ApplyRequest['expected']>

export function refuseStale({ expected }: Pick<ApplyRequest, 'expected'>, existing: RecordTables | null): void {
  if (expected !== undefined) refuseOther(expected, inForce(existing))
}

/** The same with what is in force known. */
export function refuseOther(expected: PlannedFor, found: PlannedFor): void {
  if (found.generation === expected.generation && found.artifact === expected.artifact) return
  throw coded('KM9128', `the plan was made for ${inForceText(expected)}; now it is ${inForceText(found)}`)
}

/** What is in force; generation 0 and '': nothing. */
function inForce(existing: RecordTables | null): PlannedFor {
  const live = existing === null ? undefined : liveRecord(existing)
  return live === undefined ? { generation: 0, artifact: '' } : { generation: Number(live.generation), artifact: recordDigest(live) }
}

function inForceText({ generation, artifact }: PlannedFor): string {
  return generation === 0 ? 'nothing in force' : `generation ${generation} of ${artifact} in force`
}
