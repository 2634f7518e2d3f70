/** `kmeshc explain CODE`: what a code means and what to do; without a code, all of them in a line each. */
import { type Code, codes } from '../diag/codes.ts'
import { printJson } from './report.ts'

export function explainCommand(args: { readonly code?: string | undefined; readonly json: boolean }): number {
  if (args.code === undefined) return listCodes(args.json)
  const code = args.code.toUpperCase()
  if (!Object.hasOwn(codes, code)) {
    process.stderr.write(`kmeshc: there is no code "${args.code}"; codes look like KM1101, and kmeshc explain lists them\n`)
    return 2
  }
  const entry = codes[code as Code]
  if (args.json) printJson({ code, ...entry, diagnostics: [] })
  else process.stdout.write(`${code} (${entry.severity}): ${entry.title}\n\n${entry.explanation}\n\n${entry.fix}\n`)
  return 0
}

function listCodes(json: boolean): number {
  const list = Object.entries(codes).map(([code, entry]) => ({ code, ...entry }))
  if (json) printJson({ codes: list, diagnostics: [] })
  else process.stdout.write(list.map(({ code, severity, title }) => `${code}  ${severity.padEnd(7)}  ${title}\n`).join(''))
  return 0
}
