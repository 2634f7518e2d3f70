/** `kmeshc explain CODE`: what a code means and what to do. */
import { type Code, codes } from '../diag/codes.ts'
import { printJson } from './report.ts'

export function explainCommand(args: { readonly code: string; readonly json: boolean }): number {
  const code = args.code.toUpperCase()
  if (!Object.hasOwn(codes, code)) {
    process.stderr.write(`kmeshc: there is no code "${args.code}"; codes look like KM1101\n`)
    return 2
  }
  const entry = codes[code as Code]
  if (args.json) printJson({ code, ...entry, diagnostics: [] })
  else process.stdout.write(`${code} (${entry.severity}): ${entry.title}\n\n${entry.explanation}\n\n${entry.fix}\n`)
  return 0
}
