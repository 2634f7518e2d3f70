/**
 * `kmeshc trace`: what happens to a request. One request is explained in text, or with --json as proto/trace.schema.json; a batch is answered line by line
 * (`line` of the same schema). Exit 1 when the snapshot has errors, a line is wrong or nothing takes the request.
 */
import { readFileSync } from 'node:fs'
import { type Understanding, understand } from '../compile.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import { createDiagnostics } from '../diag/sink.ts'
import type { RequestLine } from '../http/request.ts'
import { type Input, readInput } from '../input/read.ts'
import { toText } from '../input/text.ts'
import type { Program } from '../ir/program.ts'
import { createLaneBook } from '../route-lanes.ts'
import { reason } from '../sources.ts'
import { runBatch } from '../trace/batch.ts'
import { readRequestText } from '../trace/command-request.ts'
import { endpointTexts } from '../trace/endpoints.ts'
import { explainTrace } from '../trace/explain.ts'
import { traceJson } from '../trace/trace-json.ts'
import { traceRoutes } from '../trace/trace-routes.ts'
import { createTracer, type Detail, type Trace, type Tracer } from '../trace/tracer.ts'
import { finish } from './report.ts'
import { openSnapshot, type SnapshotArguments } from './snapshot.ts'

export interface TraceArguments extends SnapshotArguments {
  readonly request?: string | undefined
  readonly header: readonly string[]
  readonly source?: string | undefined
  readonly destination?: string | undefined
  readonly routeConfig?: string | undefined
  readonly random?: number | undefined
  readonly batch?: string | undefined
}

export function traceCommand(args: TraceArguments): number {
  const diag = createDiagnostics()
  const { sources, options } = openSnapshot(args, diag)
  const input = readInput(sources, diag)
  const routes = traceRoutes(input.resources)
  let known: Understanding | undefined
  // what it finds is told by `check`
  const understood = (): Understanding => {
    known ??= understand(input, options, createDiagnostics(), () => undefined, { routes })
    return known
  }
  const program = (): Program => understood().program
  const tracer = createTracer(input.resources, program, createLaneBook(understood), routes)
  if (args.batch !== undefined) return batch(args, args.batch, tracer, input, diag)
  return explained(args, tracer, program, input, diag)
}

function batch(args: TraceArguments, file: string, tracer: Tracer, input: Input, diag: Diagnostics): number {
  let errors = 0
  const text = readBatch(file, diag)
  if (text !== undefined && missingRoutes(args, tracer, diag)) {
    errors = runBatch(text, tracer, { routeConfig: args.routeConfig, write: (lines) => process.stdout.write(lines) })
  }
  const code = finish({ diag, locate: input.locate, json: false, strict: args.strict, stream: process.stderr })
  return errors > 0 ? 1 : code
}

function readBatch(file: string, diag: Diagnostics): string | undefined {
  try {
    const bytes = readFileSync(file === '-' ? 0 : file)
    const text = bytes.length === 0 ? '' : toText(bytes)
    if (typeof text === 'string') return text
    diag.report({ code: text.code, severity: 'error', path: '', message: text.message, file, fix: 'give JSON Lines in UTF-8' })
    return undefined
  } catch (error) {
    const message = `"${file}" cannot be read: ${reason(error)}`
    diag.report({ code: 'KM1001', severity: 'error', path: '', message, fix: 'check the name and the permissions' })
    return undefined
  }
}

/** false: --route-config names nothing; that is told once, not for every line */
function missingRoutes({ routeConfig }: TraceArguments, tracer: Tracer, diag: Diagnostics): boolean {
  if (routeConfig === undefined || tracer.routeConfigurations.includes(routeConfig)) return true
  const { routeConfigurations: names } = tracer
  const there =
    names.length === 0 ? 'it has none' : `it has ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`
  const message = `the snapshot has no route configuration "${routeConfig}"; ${there}`
  diag.report({ code: 'KM1712', severity: 'error', path: '', message })
  return false
}

function explained(args: TraceArguments, tracer: Tracer, program: () => Program, input: Input, diag: Diagnostics): number {
  const line = requestOf(args)
  const detail: Detail = { tried: [], filters: [] }
  const trace = missingRoutes(args, tracer, diag) ? traceOne(args, line, tracer, detail, diag) : undefined
  const result = trace === undefined || !args.json ? {} : traceJson(line, trace, detail, { locate: input.locate, program })
  if (trace !== undefined && !args.json) {
    const where = (path: string): string => {
      const place = input.locate(path)
      return place === undefined ? '' : ` (${place.file}:${place.line}:${place.column})`
    }
    process.stdout.write(explainTrace(line, trace, detail, { where, endpoints: (decision) => endpointTexts(program(), decision) }))
  }
  return finish({ diag, locate: input.locate, json: args.json, strict: args.strict, result, stream: process.stderr })
}

function requestOf(args: TraceArguments): RequestLine {
  const read = readRequestText(args.request ?? '', args.header)
  // the command line's own checks have seen it
  if ('error' in read) throw new Error(read.error)
  const { source, destination, random } = args
  return {
    ...read,
    ...(source !== undefined && { source }),
    ...(destination !== undefined && { destination }),
    ...(random !== undefined && { random }),
  }
}

function traceOne(args: TraceArguments, line: RequestLine, tracer: Tracer, detail: Detail, diag: Diagnostics): Trace | undefined {
  if (args.routeConfig !== undefined) return tracer.atRoutes(args.routeConfig, line, detail)
  const trace = tracer.atListener(line, detail)
  if (!('why' in trace)) return trace
  diag.report({ code: 'KM1713', severity: 'error', path: '', message: trace.why })
  return undefined
}
