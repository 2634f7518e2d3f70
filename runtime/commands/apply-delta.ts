/** `kmesh-runtime apply` of a delta. JSON: proto/apply.schema.json, with `delta`. */
import type { Delta } from '../../proto/delta/format.ts'
import type { ApplyHost } from '../apply-request.ts'
import { coded } from '../coded-error.ts'
import { applyDelta, type DeltaReport } from '../delta/apply-delta.ts'
import type { ApplyArguments } from './apply.ts'
import type { Result } from './output.ts'
import { countText, timeText } from './quantity.ts'

/** Throws KM9139 for what a delta cannot do. */
export async function appliedDelta(
  args: ApplyArguments,
  delta: Delta,
  host: ApplyHost,
  more: { readonly confirmBy?: number },
): Promise<DeltaReport> {
  const given = {
    '--dry-run': args.mode === 'dry-run',
    '--plan': args.plan !== undefined,
    '--probe': args.probe !== undefined,
    '--keep': args.keep !== undefined,
  }
  const wrong = Object.entries(given).find(([, isGiven]) => isGiven)
  if (wrong !== undefined) throw coded('KM9139', `${wrong[0]} does not go with a delta`)
  return applyDelta({ delta, instance: args.instance, host, ...more })
}

export function deltaResult({ warnings, instance, generation, artifact, previous, ...delta }: DeltaReport): Result {
  const lines = [
    `generation ${generation} of instance ${instance} is in force`,
    `  artifact  ${artifact}`,
    `  delta     ${countText(delta.clusters, 'cluster')}, ${countText(delta.rows, 'row')}, ${countText(delta.newStates, 'new state row')}; ${countText(delta.spare, 'row')} spare`,
    `  switch    ${timeText(delta.times.switch)}   from the lock on`,
    ...(delta.released > 0 ? [`  sockets   ${delta.released} UDP sockets released from endpoints that left`] : []),
  ]
  return { json: { instance, mode: 'apply', generation, artifact, previous, delta }, text: `${lines.join('\n')}\n`, findings: warnings }
}
