/** `kmeshc coverage`: each set field path with its class, count and reason. JSON: proto/coverage.schema.json, with `diagnostics`. */
import { examine } from '../compile.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { startPhases } from './phases.ts'
import { finish } from './report.ts'
import { openSnapshot, type SnapshotArguments } from './snapshot.ts'

export function coverageCommand(args: SnapshotArguments): number {
  const diag = createDiagnostics()
  const { sources, options } = openSnapshot(args, diag)
  const phases = startPhases()
  const { input, coverage } = examine(sources, options, diag, phases.clock)
  phases.end()
  if (!args.json) {
    const width = Math.max(0, ...coverage.fields.map(({ path }) => path.length))
    for (const { path, class: fieldClass, count, reason } of coverage.fields) {
      process.stdout.write(
        `${path.padEnd(width)}  ${fieldClass.padEnd(12)} ${String(count).padStart(7)}${reason === undefined ? '' : `  ${reason}`}\n`,
      )
    }
    process.stdout.write(`${coverage.unclassified} unclassified\n`)
  }
  return finish({ diag, locate: input.locate, json: args.json, strict: args.strict, result: { ...coverage } })
}
