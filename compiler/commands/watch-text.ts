/** What `kmeshc watch` prints. In: an event. Out: lines on standard output and findings on standard error, or one line of JSON (proto/recompile.schema.json). */
import type { Diagnostic } from '../diag/diagnostic.ts'
import { renderText } from '../diag/render.ts'
import type { PhaseTime } from './phases.ts'

export interface Written {
  readonly form: 'artifact' | 'delta'
  readonly file: string
  readonly digest: string
  /** how many */
  readonly bytes: number
}

export type WatchEvent =
  /** unchanged: the files were written, and mean the same; nobody is told */
  | { readonly event: 'failed' | 'unchanged'; readonly times: readonly PhaseTime[]; readonly diagnostics: readonly Diagnostic[] }
  | {
      readonly event: 'compiled'
      /** of the whole artifact */
      readonly digest: string
      readonly way: { readonly kind: 'again'; readonly clusters: number } | { readonly kind: 'whole'; readonly why: string }
      readonly times: readonly PhaseTime[]
      readonly written?: Written
      readonly applied?: {
        readonly kind: 'applied' | 'refused'
        readonly form: 'artifact' | 'delta'
        readonly generation?: number
        readonly milliseconds?: number
        readonly instead?: string
      }
      readonly diagnostics: readonly Diagnostic[]
    }

export function tellEvent(event: WatchEvent, { json }: { readonly json: boolean }): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(event)}\n`)
    return
  }
  process.stderr.write(renderText(event.diagnostics, { colour: process.stderr.isTTY === true && process.env.NO_COLOR === undefined }))
  process.stdout.write(`${eventLines(event).join('\n')}\n`)
}

function eventLines(event: WatchEvent): readonly string[] {
  const total = event.times.reduce((sum, { ms }) => sum + ms, 0)
  const phases = `${total.toFixed(1)} ms: ${event.times.map(({ phase, ms }) => `${phase} ${ms.toFixed(1)}`).join(', ')}`
  if (event.event !== 'compiled')
    return [event.event === 'failed' ? `failed in ${phases}; the result before stays` : `unchanged in ${phases}`]
  const { way, written, applied } = event
  const what =
    way.kind === 'whole'
      ? `compiled whole (${way.why})`
      : `compiled again: ${way.clusters === 1 ? 'one cluster' : `${way.clusters} clusters`}`
  return [
    `${what} in ${phases}`,
    ...(written === undefined
      ? []
      : [`  ${written.file}  ${written.form === 'delta' ? 'a delta, ' : ''}${written.digest.slice(0, 19)}  ${written.bytes} bytes`]),
    ...(applied === undefined ? [] : [`  ${appliedText(applied)}`]),
  ]
}

function appliedText({
  kind,
  form,
  generation,
  milliseconds = 0,
  instead,
}: NonNullable<Extract<WatchEvent, { event: 'compiled' }>['applied']>): string {
  const what = form === 'delta' ? 'the delta' : 'the whole artifact'
  const why = instead === undefined ? '' : ` (the delta was refused: ${instead})`
  return kind === 'applied'
    ? `applied ${what}${why}: generation ${generation} is in force, after ${milliseconds.toFixed(0)} ms`
    : `${what} was not applied${why}; the next change is applied whole`
}
