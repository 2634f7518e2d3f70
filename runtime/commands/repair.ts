/** `kmesh-runtime repair`: puts right what drifted. Exit 1 when something is left. JSON: proto/repair.schema.json. */
import { coded } from '../coded-error.ts'
import { isDrifted } from '../drift/drift.ts'
import { repair } from '../drift/repair.ts'
import { openTrusted } from '../open-trusted.ts'
import { driftText } from './diff.ts'
import { type Format, finish } from './output.ts'

export interface RepairArguments {
  /** what is in force; without it only what bpffs alone can tell is repaired */
  readonly artifact?: string
  readonly trust?: string
  readonly instance: string
  readonly format: Format
}

export function repairCommand(args: RepairArguments): Promise<number> {
  return finish(args.format, async () => {
    const artifact = args.artifact === undefined ? undefined : openTrusted(args.artifact, args.trust).artifact
    const { before, after } = await repair(args.instance, artifact)
    const findings = isDrifted(after) ? coded('KM9136', `instance ${args.instance} still differs`).findings : []
    const found = isDrifted(before)
      ? `found\n${driftText(before)}${isDrifted(after) ? `left\n${driftText(after)}` : 'repaired\n'}`
      : 'nothing to repair\n'
    return { json: { before, after }, text: found, findings }
  })
}
