/** `kmesh-runtime doctor`: what this machine can do. JSON: proto/doctor.schema.json. */
import { doctor } from '../doctor.ts'
import { doctorText } from '../doctor-text.ts'
import { type Format, finish } from './output.ts'

export function doctorCommand(args: { readonly format: Format }): Promise<number> {
  return finish(args.format, () => {
    const report = doctor()
    const { verdict, checks, diagnostics } = report
    // the lines of the text carry code and fix already
    const findings = args.format === 'json' ? diagnostics : diagnostics.filter(({ severity }) => severity === 'error')
    return { json: { verdict, checks }, text: args.format === 'json' ? '' : `${doctorText(report)}\n`, findings }
  })
}
