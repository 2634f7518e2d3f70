/** `kmesh-runtime apply` of a delta. JSON: proto/apply.schema.json, with `delta`. */
import type { DeltaReport } from '../delta/apply-delta.ts'
import type { Result } from './output.ts'
import { countText, timeText } from './quantity.ts'

export function deltaResult({ warnings, instance, mode, generation, artifact, previous, ...delta }: DeltaReport): Result {
  const lines = [
    mode === 'dry-run'
      ? `dry run: generation ${generation} of instance ${instance} would be in force; nothing was changed`
      : `generation ${generation} of instance ${instance} is in force`,
    `  artifact  ${artifact}`,
    `  delta     ${countText(delta.clusters, 'cluster')}, ${countText(delta.rows, 'row')}, ${countText(delta.newStates, 'new state row')}; ${countText(delta.spare, 'row')} spare`,
    `  switch    ${timeText(delta.times.switch)}   from the lock on`,
    ...(delta.released > 0 ? [`  sockets   ${delta.released} UDP sockets released from endpoints that left`] : []),
  ]
  return { json: { instance, mode, generation, artifact, previous, delta }, text: `${lines.join('\n')}\n`, findings: warnings }
}
