/**
 * What a plan holds for. In: an apply with what its plan expects; out: nothing, or KM9128: under the lock, so that nothing can change afterwards.
 */
import type { ApplyRequest } from './apply-request.ts'
import { coded } from './coded-error.ts'
import { liveRecord, recordDigest } from './record.ts'
import type { Tables } from './tables.ts'

export function refuseStale({ expected }: ApplyRequest, existing: Tables | null): void {
  if (expected === undefined) return
  const live = existing === null ? undefined : liveRecord(existing)
  const found = live === undefined ? { generation: 0, artifact: '' } : { generation: Number(live.generation), artifact: recordDigest(live) }
  if (found.generation === expected.generation && found.artifact === expected.artifact) return
  throw coded('KM9128', `the plan was made for ${inForceText(expected)}; now it is ${inForceText(found)}`)
}

function inForceText({ generation, artifact }: { readonly generation: number; readonly artifact: string }): string {
  return generation === 0 ? 'nothing in force' : `generation ${generation} of ${artifact} in force`
}
