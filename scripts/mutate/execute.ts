/**
 * What must hold for every input. In: a source. Out: one line for each thing that does not: something was thrown, a finding has no code, no fix or several lines,
 * a field has no class, or it took too long. The whole front end runs: reading, parsing, Program, Plan, coverage, validation, positions, and a request.
 */
import { analyse, type Analysis } from '../../compiler/compile.ts'
import { codes } from '../../compiler/diag/codes.ts'
import { placed } from '../../compiler/diag/place.ts'
import { renderText } from '../../compiler/diag/render.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import type { Source } from '../../compiler/input/text.ts'
import { createTracer, type Detail } from '../../compiler/trace/tracer.ts'

const OPTIONS = { resolve: new Map<string, readonly string[]>(), addresses: [], plaintextTo: new Set<'istio'>(), strict: false }
/** of the processor's time; one execution takes about a millisecond */
const SLOW_MS = 5000
const REQUEST = { id: 'a', authority: 'a:80', method: 'GET', path: '/a?b=c', headers: [['x-a', 'b']] as const }

export function execute(source: Source): readonly string[] {
  const started = process.cpuUsage()
  const wrong: string[] = []
  try {
    const diag = createDiagnostics()
    const analysis = analyse([source], OPTIONS, diag, () => undefined)
    for (const field of analysis.coverage.fields) if (field.class === 'unclassified') wrong.push(`${field.path} has no class`)
    const list = placed(diag.list, analysis.input.locate)
    for (const one of list) {
      const { code, severity, message, fix, line, column } = one
      if (!Object.hasOwn(codes, code)) wrong.push(`no code: ${code}`)
      if (message === '' || (severity === 'error' && !fix)) wrong.push(`${code} lacks a text or a fix: ${message}`)
      if ((line !== undefined && !(line >= 1)) || (column !== undefined && !(column >= 1))) wrong.push(`${code} is at ${line}:${column}`)
    }
    renderText(list, { colour: false })
    if (!diag.failed) request(analysis)
  } catch (error) {
    wrong.push(`thrown: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
  const took = process.cpuUsage(started).user / 1000
  if (took > SLOW_MS) wrong.push(`took ${Math.round(took)} ms`)
  return wrong
}

function request({ input, program }: Analysis): void {
  const tracer = createTracer(input.resources, () => program)
  const detail: Detail = { tried: [], filters: [] }
  tracer.atListener(REQUEST, detail)
  for (const name of tracer.routeConfigurations) tracer.atRoutes(name, REQUEST, detail)
}
