/** `kmeshc inspect`: what an artifact holds. JSON: proto/inspect.schema.json. */
import { statSync } from 'node:fs'
import { openArtifact } from '../../proto/artifact/open.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { inspectArtifact, inspectionText } from '../inspect.ts'
import { finish } from './report.ts'

export function inspectCommand(args: { readonly artifact: string; readonly json: boolean }): number {
  const diag = createDiagnostics()
  const opened = openArtifact(args.artifact)
  if (opened.kind === 'invalid') {
    diag.report({ severity: 'error', path: '', ...opened.error })
    return finish({ diag, locate: () => undefined, json: args.json, strict: false })
  }
  const inspection = inspectArtifact(opened.artifact, statSync(args.artifact).size)
  if (!args.json) process.stdout.write(inspectionText(inspection))
  return finish({ diag, locate: () => undefined, json: args.json, strict: false, result: { ...inspection } })
}
