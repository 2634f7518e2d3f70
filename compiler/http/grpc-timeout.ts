/**
 * grpc-timeout: "100m". In: its text, or milliseconds; a request and the route that has taken it. Out: milliseconds, or its text; the request's headers as filters and the
 * router see them, a copy.
 */
import { isGrpc } from '../match/grpc.ts'
import type { Route, Timeouts } from './model.ts'
import type { Headers, HttpRequest } from './request.ts'

export function routedHeaders(request: HttpRequest, { action }: Route): Headers {
  const headers = request.headers.copy()
  if (action.kind === 'route' && action.timeouts.streamDuration && isGrpc(request)) announceStream(headers, action.timeouts)
  return headers
}

/**
 * max_stream_duration, told as soon as a gRPC request has its route: a grpc-timeout within grpc_timeout_header_max counts; else the duration itself is told.
 * Source: Envoy's http/conn_manager_impl.cc (refreshDurationTimeout).
 */
function announceStream(
  headers: Headers,
  { maxStreamDuration = 0, grpcTimeoutHeaderMax: most, grpcTimeoutHeaderOffset: offset = 0 }: Timeouts,
): void {
  const asked = most === undefined ? undefined : readGrpcTimeout(headers.get('grpc-timeout'))
  if (asked === undefined || most === undefined) {
    if (maxStreamDuration > 0) headers.set('grpc-timeout', grpcTimeout(maxStreamDuration))
    return
  }
  const capped = most > 0 && (asked === 0 || asked > most) ? most : asked
  headers.set('grpc-timeout', grpcTimeout(offset < capped ? capped - offset : capped))
}

const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }

/** "100m": at most eight digits and a unit */
export function readGrpcTimeout(text: string | undefined): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(text ?? '') ?? []
  return digits === undefined || unit === undefined ? undefined : Math.ceil(Number(digits) * (UNITS[unit] ?? 1))
}

/** the finest unit that keeps it within eight digits */
export function grpcTimeout(timeout: number): string {
  const [unit, scale] = (
    [
      ['m', 1],
      ['S', 1000],
      ['M', 60_000],
      ['H', 3_600_000],
    ] as const
  ).find(([, size]) => timeout / size < 1e8) ?? ['H', 3_600_000]
  return `${Math.trunc(timeout / scale)}${unit}`
}
