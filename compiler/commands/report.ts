/**
 * How every command ends. In: diagnostics and, for --json, the rest of the result. Out: what is printed, and the exit code: 0, or 1 after an error.
 * JSON goes to standard output also when there are errors; text diagnostics go to standard error, or to standard output where they are the result.
 */
import type { Diagnostic, Diagnostics } from '../diag/diagnostic.ts'
import { renderText } from '../diag/render.ts'
import { placed, type Locate } from '../diag/place.ts'

export interface Outcome {
  readonly diag: Diagnostics
  readonly locate: Locate
  readonly json: boolean
  readonly strict: boolean
  /** fields of the JSON output beside `diagnostics`, in order */
  readonly result?: Readonly<Record<string, unknown>>
  /** where text diagnostics go */
  readonly stream?: NodeJS.WriteStream
}

/** Diagnostics with their positions, ordered by file, line and column; under --strict warnings are errors. */
export function findings(outcome: Pick<Outcome, 'diag' | 'locate' | 'strict'>): readonly Diagnostic[] {
  const list = outcome.strict ? outcome.diag.list.map((one): Diagnostic => ({ ...one, severity: 'error' })) : outcome.diag.list
  return placed(list, outcome.locate)
}

export function finish(outcome: Outcome): number {
  const list = findings(outcome)
  if (outcome.json) printJson({ ...outcome.result, diagnostics: list })
  else {
    const stream = outcome.stream ?? process.stderr
    stream.write(renderText(list, { colour: stream.isTTY === true && process.env.NO_COLOR === undefined }))
  }
  return list.some(({ severity }) => severity === 'error') ? 1 : 0
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}
