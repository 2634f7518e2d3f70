/** `kmesh-runtime history`: the generations that are kept. JSON: proto/history.schema.json. */
import { history } from '../history.ts'
import { type Format, finish } from './output.ts'
import { bytesText, tableText } from './quantity.ts'

export function historyCommand(args: { readonly instance: string; readonly format: Format }): Promise<number> {
  return finish(args.format, () => {
    const report = history(args.instance)
    const rows = report.generations.map(({ generation, state, appliedAt, artifact, memory, confirmBy }) => [
      generation,
      confirmBy === undefined ? state : `${state}, to be confirmed by ${confirmBy}`,
      appliedAt,
      bytesText(memory.own),
      artifact,
    ])
    const text = `${tableText(['GENERATION', 'STATE', 'APPLIED', 'OWN MEMORY', 'ARTIFACT'], rows)}\nthe last ${report.keep} before the one in force are kept\n`
    return { json: { ...report }, text, findings: [] }
  })
}
