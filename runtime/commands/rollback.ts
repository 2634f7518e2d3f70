/** `kmesh-runtime rollback`: what was in force before is again. JSON: proto/rollback.schema.json. */
import { machine } from '../machine.ts'
import { rollback } from '../rollback.ts'
import { type Format, finish } from './output.ts'
import { timeText } from './quantity.ts'

export function rollbackCommand(args: { readonly instance: string; readonly to?: number; readonly format: Format }): Promise<number> {
  return finish(args.format, () => {
    const { warnings, ...report } = rollback({
      instance: args.instance,
      host: machine({ foreign: 'refuse', existing: 'count' }),
      ...(args.to === undefined ? {} : { to: args.to }),
    })
    const lines = [
      `generation ${report.generation} of instance ${report.instance} is in force again`,
      `  artifact  ${report.artifact}`,
      `  before    generation ${report.previous.generation}, ${report.previous.artifact}`,
      `  switch    ${timeText(report.times.switch)}   from the lock on`,
      ...(report.released > 0 ? [`  sockets   ${report.released} UDP sockets released from endpoints that left`] : []),
    ]
    return { json: { ...report }, text: `${lines.join('\n')}\n`, findings: warnings }
  })
}
