/** `kmesh-runtime confirm`: a generation that was applied with --confirm-within stays. JSON: proto/confirm.schema.json. */
import { confirm } from '../confirm.ts'
import { machine } from '../machine.ts'
import { type Format, finish } from './output.ts'

export function confirmCommand(args: { readonly instance: string; readonly format: Format }): Promise<number> {
  return finish(args.format, () => {
    const report = confirm(args.instance, machine({ foreign: 'refuse', existing: 'count' }))
    return { json: { ...report }, text: `generation ${report.generation} of instance ${report.instance} is confirmed\n`, findings: [] }
  })
}
