/**
 * gRPC in answers: an HTTP status as a grpc-status, a body as a grpc-message. In and out: texts and numbers.
 * Source: Envoy's source/common/grpc/{common.cc,status.cc}, source/common/http/utility.cc (PercentEncoding).
 */
const INTERNAL = 13
const STATUS: ReadonlyMap<number, number> = new Map([
  [400, INTERNAL],
  [401, 16],
  [403, 7],
  [404, 12],
  [429, 14],
  [502, 14],
  [503, 14],
  [504, 14],
])
const UNKNOWN = 2

export const RESOURCE_EXHAUSTED = 8

export function grpcStatusOf(httpStatus: number): number {
  return STATUS.get(httpStatus) ?? UNKNOWN
}

const NAMES = [
  'OK',
  'CANCELED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** of envoy.config.accesslog.v3.GrpcStatusFilter.Status; -1: there is none of this name */
export function grpcStatusNumber(name: string): number {
  return NAMES.indexOf(name)
}

/** "PERMISSION_DENIED" or "PermissionDenied"; of a number without a name the number */
export function grpcStatusText(status: number, form: 'camel' | 'snake'): string {
  const name = NAMES[status]
  if (name === undefined) return String(status)
  if (form === 'snake' || name === 'OK') return name
  return name.replace(/([A-Z])([A-Z]*)_?/g, (_, first: string, rest: string) => first + rest.toLowerCase())
}

/** Bytes that are not printable ASCII, "%" and "~" are percent-encoded. */
export function grpcMessage(body: string): string {
  let text = ''
  for (const byte of new TextEncoder().encode(body)) {
    text +=
      byte >= 0x20 && byte < 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}
