/** `kmeshc check`: diagnostics and a summary of lanes and coverage, without clang. JSON: proto/check.schema.json; SARIF and GitHub's workflow commands for CI. */
import { examine } from '../compile.ts'
import { renderGithub } from '../diag/render-github.ts'
import { toSarif } from '../diag/render-sarif.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { laneText } from '../lane-summary.ts'
import { startPhases } from './phases.ts'
import { findings, finish, printJson } from './report.ts'
import { openSnapshot, type SnapshotArguments } from './snapshot.ts'

export const CHECK_FORMATS = ['text', 'json', 'sarif', 'github'] as const

export interface CheckArguments extends SnapshotArguments {
  readonly format?: (typeof CHECK_FORMATS)[number] | undefined
}

export function checkCommand(args: CheckArguments, version: string): number {
  const format = args.json ? 'json' : (args.format ?? 'text')
  const diag = createDiagnostics()
  const { sources, options } = openSnapshot(args, diag)
  const phases = startPhases()
  const { input, coverage, lanes } = examine(sources, options, diag, phases.clock)
  phases.end()
  const outcome = { diag, locate: input.locate, strict: args.strict }
  if (format === 'sarif' || format === 'github') {
    const list = findings(outcome)
    if (format === 'sarif') printJson(toSarif(list, version))
    else process.stdout.write(renderGithub(list))
    return list.some(({ severity }) => severity === 'error') ? 1 : 0
  }
  const code = finish({ ...outcome, json: format === 'json', result: { coverage, lanes }, stream: process.stdout })
  if (format === 'text') {
    const counts = Object.entries(coverage.classes)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')
    const text = laneText(lanes)
    if (text !== '') process.stdout.write(`lanes: ${text}\n`)
    process.stdout.write(`${code === 0 ? 'ok' : 'failed'}: ${counts}, ${coverage.unclassified} unclassified\n`)
  }
  return code
}
