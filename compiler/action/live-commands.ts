/**
 * Commands of substitution formats whose value no configuration and no request tells: clocks, ids, bytes on the wire, the proxy's own machine. In: a command. Out:
 * whether only a running proxy knows it. What uses one of them is for the waypoint (compiler/action/live-formats.ts).
 * Source: Envoy's documentation of command operators; each was tried on Envoy 1.40.
 */
import type { TemplatePart } from '../http/model.ts'

/** `forwarded`: headers of an upstream's answer; `other`: of a request, or of an answer that Envoy gives itself */
export type FormatPlace = 'forwarded' | 'other'

export function isLive({ name, argument = '' }: Extract<TemplatePart, { readonly kind: 'command' }>, place: FormatPlace): boolean {
  if (ALWAYS.has(name)) return true
  if (name === 'COALESCE') return [...ALWAYS, ...WITH_ANSWER, ...COUNTED_WITH_ANSWER].some((one) => argument.includes(`"${one}"`))
  return (
    place === 'forwarded' &&
    (WITH_ANSWER.has(name) || COUNTED_WITH_ANSWER.has(name) || (name === 'METADATA' && argument.startsWith('UPSTREAM_HOST')))
  )
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

export const ALWAYS = words(`
  START_TIME START_TIME_LOCAL EMIT_TIME EMIT_TIME_LOCAL DURATION REQUEST_DURATION COMMON_DURATION ROUTE_RESOLUTION_COUNT
  ROUTE_RESOLUTION_TIME_US DOWNSTREAM_CX_RTT CONNECTION_ID UNIQUE_ID HOSTNAME ENVIRONMENT DOWNSTREAM_WIRE_BYTES_RECEIVED
  DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED CEL TYPED_CEL
`)

/** once an upstream has answered; before, they have no value */
export const WITH_ANSWER = words(`
  REQUEST_TX_DURATION RESPONSE_DURATION UPSTREAM_CONNECTION_POOL_READY_DURATION UPSTREAM_PROTOCOL UPSTREAM_HOST UPSTREAM_HOST_NAME
  UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAMES_ATTEMPTED
  UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_LOCAL_PORT
  UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_PORT UPSTREAM_CONNECTION_IDS_ATTEMPTED UPSTREAM_METADATA
  UPSTREAM_DETECTED_CLOSE_TYPE
`)

/** the same; before, they are 0 */
export const COUNTED_WITH_ANSWER = words(`
  UPSTREAM_WIRE_BYTES_SENT UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HEADER_BYTES_RECEIVED
  UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED UPSTREAM_CONNECTION_ID RESPONSE_HEADERS_BYTES
`)
