/** `kmesh-runtime gc`: clears away generations that are not needed. JSON: proto/gc.schema.json. */
import { gc } from '../gc.ts'
import { machine } from '../machine.ts'
import { type Format, finish } from './output.ts'
import { bytesText } from './quantity.ts'

export function gcCommand(args: { readonly instance: string; readonly keep?: number; readonly format: Format }): Promise<number> {
  return finish(args.format, async () => {
    const report = await gc({
      instance: args.instance,
      host: machine({ foreign: 'refuse', existing: 'count' }),
      ...(args.keep === undefined ? {} : { keep: args.keep }),
    })
    const dropped =
      report.dropped.length === 0
        ? 'nothing to clear away'
        : `generation ${report.dropped.join(', ')} cleared away, ${bytesText(report.freed)} freed`
    return { json: { ...report }, text: `${dropped}; kept: ${report.kept.join(', ')}\n`, findings: [] }
  })
}
