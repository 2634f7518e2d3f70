/**
 * The commands of Envoy's substitution formats, and what each takes between parentheses and behind ":". In: nothing. Out: a table.
 * Source: seen on Envoy 1.40, every command with every form of parameter.
 */

export interface Command {
  readonly parameter: 'none' | 'optional' | 'required'
  readonly length: 'none' | 'allowed'
  /** what is wrong with a parameter that is not empty */
  readonly check?: (parameter: string) => string | undefined
}

const PLAIN = `
  ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT CONNECTION_ID CONNECTION_TERMINATION_DETAILS CUSTOM_FLAGS
  DOWNSTREAM_CX_RTT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT
  DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_DIRECT_LOCAL_ADDRESS DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID
  DOWNSTREAM_DIRECT_LOCAL_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_HANDSHAKE_DURATION
  DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID
  DOWNSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN
  DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 DOWNSTREAM_PEER_CHAIN_SERIALS DOWNSTREAM_PEER_DNS_SAN
  DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_IP_SAN
  DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL DOWNSTREAM_PEER_OTHERNAME_SAN
  DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_PORT
  DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_VERSION DOWNSTREAM_TRANSPORT_FAILURE_REASON
  DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT DURATION FILTER_CHAIN_NAME GRPC_STATUS_NUMBER HOSTNAME LISTENER_NAME
  LOCAL_REPLY_BODY PACKETS_RETRANSMITTED PROTOCOL REQUEST_DURATION REQUEST_HEADERS_BYTES REQUEST_TX_DURATION RESPONSE_CODE
  RESPONSE_DURATION RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES RESPONSE_TX_DURATION
  ROUNDTRIP_DURATION ROUTE_NAME ROUTE_RESOLUTION_COUNT ROUTE_RESOLUTION_TIME_US SPAN_ID STREAM_ID TLS_JA3_FINGERPRINT
  TLS_JA4_FINGERPRINT TRACE_ID UNIQUE_ID UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_CONNECTION_ID
  UPSTREAM_CONNECTION_IDS_ATTEMPTED UPSTREAM_CONNECTION_POOL_READY_DURATION UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
  UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT
  UPSTREAM_HOST UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME UPSTREAM_HOST_NAMES_ATTEMPTED
  UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_CLOSE_REASON
  UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN UPSTREAM_LOCAL_PORT UPSTREAM_LOCAL_URI_SAN UPSTREAM_PEER_CERT UPSTREAM_PEER_DNS_SAN
  UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_ISSUER UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS
  UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_REMOTE_PORT UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_SERVER_NAME UPSTREAM_TLS_CIPHER
  UPSTREAM_TLS_GROUP UPSTREAM_TLS_SESSION_ID UPSTREAM_TLS_VERSION UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_WIRE_BYTES_RECEIVED
  UPSTREAM_WIRE_BYTES_SENT VIRTUAL_CLUSTER_NAME
`

const HEADER_NAME = /^[0-9a-zA-Z!#$%&'*+\-.^_|~`:]*$/

function header(parameter: string): string | undefined {
  const names = parameter.split('?')
  if (names.length > 2) return 'more than one alternative header'
  const wrong = names.find((name) => !HEADER_NAME.test(name) || name.slice(1).includes(':'))
  return wrong === undefined ? undefined : `${JSON.stringify(wrong)} is no header name`
}

/** %n, with the flags and the width of strftime before it */
const time = (parameter: string): string | undefined =>
  /%[-_0^#]*[1-9]*[EO]?n/.test(parameter) ? 'a time format with a line break' : undefined

const oneOf =
  (...allowed: readonly string[]) =>
  (parameter: string): string | undefined =>
    allowed.includes(parameter) ? undefined : `${JSON.stringify(parameter)} is none of ${allowed.filter((name) => name !== '').join(', ')}`

function filterState(parameter: string): string | undefined {
  const [key, form = '', field] = parameter.split(':')
  if (key === '') return 'the key is empty'
  if ((form === 'FIELD') !== (field !== undefined && field !== '') && (form === 'FIELD' || field !== undefined))
    return 'FIELD goes with the name of a field'
  return oneOf('', 'PLAIN', 'TYPED', 'FIELD')(form)
}

function duration(parameter: string): string | undefined {
  const parts = parameter.split(':')
  if (parts.length < 2 || parts.length > 3) return 'needs two points in time, and maybe a precision'
  return parts[2] === undefined ? undefined : oneOf('ms', 'us', 'ns')(parts[2])
}

function pathOption(parameter: string): string | undefined {
  const [query = '', source = ''] = parameter.split(':')
  return oneOf('', 'WQ', 'NQ')(query) ?? oneOf('', 'ORIG', 'PATH', 'ORIG_OR_PATH')(source)
}

function serverName(parameter: string): string | undefined {
  const [source = '', host = ''] = parameter.split(':')
  return oneOf('', 'SNI_ONLY', 'SNI_FIRST', 'HOST_FIRST')(source) ?? oneOf('', 'ORIG_OR_HOST', 'HOST', 'ORIG')(host)
}

function metadata(parameter: string): string | undefined {
  return oneOf(
    'DYNAMIC',
    'CLUSTER',
    'ROUTE',
    'UPSTREAM_HOST',
    'LISTENER',
    'VIRTUAL_HOST',
    'LISTENER_FILTER_CHAIN',
  )(parameter.split(':')[0] ?? '')
}

function coalesce(parameter: string): string | undefined {
  let value: unknown
  try {
    value = JSON.parse(parameter)
  } catch {
    return 'is no JSON object'
  }
  const operators = typeof value === 'object' && value !== null && 'operators' in value ? value.operators : undefined
  if (!Array.isArray(operators) || operators.length === 0) return 'needs a list of operators'
  for (const operator of operators as readonly unknown[]) {
    const name = typeof operator === 'string' ? operator : Object(operator).command
    if (typeof name === 'string' && !COMMANDS.has(name)) return `there is no command ${JSON.stringify(name)}`
  }
  return undefined
}

const each = (names: string, command: Command): readonly (readonly [string, Command])[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => [name, command])

export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ...each(PLAIN, { parameter: 'none', length: 'none' }),
  ...each('REQ REQUEST_HEADER RESP RESPONSE_HEADER RESPONSE_TRAILER STREAM_INFO_REQ TRAILER', {
    parameter: 'required',
    length: 'allowed',
    check: header,
  }),
  ...each(
    'DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT \
     DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT RESPONSE_CODE_DETAILS UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
    { parameter: 'optional', length: 'none' },
  ),
  ...each(
    'DOWNSTREAM_PEER_CERT_V_END DOWNSTREAM_PEER_CERT_V_START EMIT_TIME EMIT_TIME_LOCAL START_TIME START_TIME_LOCAL \
     UPSTREAM_PEER_CERT_V_END UPSTREAM_PEER_CERT_V_START',
    { parameter: 'optional', length: 'none', check: time },
  ),
  ...each('DYNAMIC_METADATA ENVIRONMENT QUERY_PARAM', { parameter: 'required', length: 'allowed' }),
  ...each('CLUSTER_METADATA UPSTREAM_METADATA', { parameter: 'required', length: 'none' }),
  ...each('FILTER_STATE UPSTREAM_FILTER_STATE', { parameter: 'required', length: 'allowed', check: filterState }),
  ...each('COMMON_DURATION', { parameter: 'required', length: 'none', check: duration }),
  ...each('GRPC_STATUS', { parameter: 'optional', length: 'none', check: oneOf('CAMEL_STRING', 'SNAKE_STRING', 'NUMBER') }),
  ...each('PATH', { parameter: 'optional', length: 'allowed', check: pathOption }),
  ...each('REQUESTED_SERVER_NAME', { parameter: 'optional', length: 'none', check: serverName }),
  ...each('QUERY_PARAMS', { parameter: 'optional', length: 'allowed', check: oneOf('ORIG', 'DECODED') }),
  ...each('METADATA', { parameter: 'required', length: 'allowed', check: metadata }),
  ...each('COALESCE', { parameter: 'required', length: 'allowed', check: coalesce }),
  // an expression of CEL, which is not read here
  ...each('CEL TYPED_CEL', { parameter: 'required', length: 'allowed' }),
])
