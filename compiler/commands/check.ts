/** `kmeshc check`: diagnostics and a summary of the coverage, without clang. JSON: proto/check.schema.json. */
import { analyse } from '../compile.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { startPhases } from './phases.ts'
import { finish } from './report.ts'
import { openSnapshot, type SnapshotArguments } from './snapshot.ts'

export function checkCommand(args: SnapshotArguments): number {
  const diag = createDiagnostics()
  const { sources, options } = openSnapshot(args, diag)
  const phases = startPhases()
  const { input, coverage } = analyse(sources, options, diag, phases.clock)
  phases.end()
  const code = finish({ diag, locate: input.locate, json: args.json, strict: args.strict, result: { coverage }, stream: process.stdout })
  if (!args.json) {
    const counts = Object.entries(coverage.classes)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')
    process.stdout.write(`${code === 0 ? 'ok' : 'failed'}: ${counts}, ${coverage.unclassified} unclassified\n`)
  }
  return code
}
