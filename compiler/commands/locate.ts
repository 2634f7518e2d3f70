/** `kmeshc locate`: file:line:column of an xDS path. JSON: proto/locate.schema.json. */
import { createDiagnostics } from '../diag/sink.ts'
import { locatePath } from '../locate.ts'
import { readSources } from '../sources.ts'
import { finish } from './report.ts'

export function locateCommand(args: { readonly path: string; readonly snapshot: readonly string[]; readonly json: boolean }): number {
  const diag = createDiagnostics()
  const { position, diagnostics } = locatePath(args.path, readSources(args.snapshot, diag))
  for (const one of diagnostics) diag.report(one)
  if (position !== undefined && !args.json) process.stdout.write(`${position.file}:${position.line}:${position.column}\n`)
  return finish({
    diag,
    locate: () => undefined,
    json: args.json,
    strict: false,
    result: { path: args.path, ...(position !== undefined && { position }) },
  })
}
