/**
 * Many requests at once. In: JSON Lines, a tracer. Out: JSON Lines in the same order, one for each line that is not blank, and how many of them are errors.
 * Invariant: a bad line never stops the others.
 */
import { readRequestLine } from './request-line.ts'
import { decisionLine, errorLine } from './output-line.ts'
import type { Tracer } from './tracer.ts'

export interface BatchOptions {
  /** where lines start that do not say it themselves */
  readonly routeConfig: string | undefined
  /** called with complete lines */
  readonly write: (lines: string) => void
}

const CHUNK = 1 << 18

/** Gives the number of lines that were answered with an error. */
export function runBatch(text: string, tracer: Tracer, { routeConfig, write }: BatchOptions): number {
  let errors = 0
  let out = ''
  let number = 0
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start)
    const end = newline < 0 ? text.length : newline
    const line = text.slice(start, end)
    start = end + 1
    number++
    if (line.trim() === '') continue
    const answer = answerLine(line, number, tracer, routeConfig)
    if (answer.error) errors++
    out += `${answer.text}\n`
    if (out.length < CHUNK) continue
    write(out)
    out = ''
  }
  if (out !== '') write(out)
  return errors
}

function answerLine(
  text: string,
  number: number,
  tracer: Tracer,
  routeConfig: string | undefined,
): { readonly text: string; readonly error: boolean } {
  const request = readRequestLine(text)
  if ('error' in request) return { text: errorLine(request.id, 'KM1711', `line ${number}: ${request.error}`), error: true }
  const name = request.routeConfig ?? routeConfig
  if (name === undefined) {
    const trace = tracer.atListener(request)
    if ('why' in trace) return { text: errorLine(request.id, 'KM1713', `line ${number}: ${trace.why}`), error: true }
    return { text: decisionLine(request.id, trace.decision), error: false }
  }
  const trace = tracer.atRoutes(name, request)
  if (trace === undefined)
    return { text: errorLine(request.id, 'KM1712', `line ${number}: the snapshot has no route configuration "${name}"`), error: true }
  return { text: decisionLine(request.id, trace.decision), error: false }
}
