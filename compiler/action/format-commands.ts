/**
 * The commands of substitution formats, one by one. In: a command's argument and what is known when Envoy evaluates it. Out: its text; undefined where it has no
 * value, UNKNOWN where only a running proxy knows it. Invariant: never throws.
 * Source: Envoy's source/common/formatter/{http_specific_formatter,stream_info_formatter}.cc; each was tried on Envoy 1.40.
 */
import { responseFlag } from '../http/response-flags.ts'
import { bytesOf } from '../match/byte-text.ts'
import { isGrpc } from '../match/grpc.ts'
import type { FormatContext } from './format.ts'
import { addressPart, decodedQuery, maskedAddress, queryOf, queryParameter, withoutQuery } from './format-values.ts'
import { grpcStatusOf, grpcStatusText } from './grpc.ts'
import { ALWAYS, COUNTED_WITH_ANSWER, WITH_ANSWER } from './live-commands.ts'

/** a value that exists and that nobody knows here */
export const UNKNOWN = Symbol('unknown')

type Evaluate = (argument: string, context: FormatContext) => string | undefined | typeof UNKNOWN

/** commands whose values are numbers in JSON */
export function isNumber(name: string): boolean {
  return NUMBERS.has(name)
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/)
const all = (names: string, evaluate: Evaluate): readonly (readonly [string, Evaluate])[] => words(names).map((name) => [name, evaluate])
const answered = ({ details }: FormatContext): boolean => details === 'via_upstream'

export const COMMANDS: ReadonlyMap<string, Evaluate> = new Map<string, Evaluate>([
  ...all('REQ REQUEST_HEADER STREAM_INFO_REQ', (argument, context) => either(argument, (name) => requestHeader(name, context))),
  ...all('RESP RESPONSE_HEADER', (argument, context) => either(argument, (name) => responseHeader(name, context))),
  ['PATH', pathCommand],
  ['QUERY_PARAM', (argument, context) => queryParameter(argument, context.path)],
  ['QUERY_PARAMS', queryParameters],
  ['PROTOCOL', () => 'HTTP/1.1'],
  ['REQUEST_HEADERS_BYTES', (_, context) => String(requestHeadersBytes(context))],
  ['RESPONSE_HEADERS_BYTES', (_, context) => responseHeadersBytes(context)],
  ['RESPONSE_CODE', (_, { responseCode }) => (responseCode === undefined ? UNKNOWN : String(responseCode))],
  ['RESPONSE_CODE_DETAILS', (_, { details }) => details],
  ['RESPONSE_FLAGS', (_, { details }) => responseFlag(details, 'short') ?? '-'],
  ['RESPONSE_FLAGS_LONG', (_, { details }) => responseFlag(details, 'long') ?? '-'],
  ['ROUTE_NAME', (_, { routeName }) => routeName || undefined],
  ['VIRTUAL_CLUSTER_NAME', (_, { virtualCluster }) => virtualCluster],
  ['LISTENER_NAME', (_, { request }) => request.front.around.listener || undefined],
  ['FILTER_CHAIN_NAME', (_, { request }) => request.front.around.chain || undefined],
  ...all('UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW', (_, { cluster }) => cluster),
  ['UPSTREAM_REQUEST_ATTEMPT_COUNT', (_, { cluster, details }) => (cluster === undefined || isUntried(details) ? '0' : '1')],
  ['ACCESS_LOG_TYPE', () => 'NotSet'],
  ['DOWNSTREAM_DETECTED_CLOSE_TYPE', () => 'Normal'],
  ['STREAM_ID', (_, { requestHeaders }) => requestHeaders.get('x-request-id')],
  ['LOCAL_REPLY_BODY', (_, { body }) => body ?? ''],
  ['REQUESTED_SERVER_NAME', serverName],
  ['GRPC_STATUS', grpcStatus],
  ['GRPC_STATUS_NUMBER', (_, context) => grpcStatus('NUMBER', context)],
  ...all('DOWNSTREAM_REMOTE_ADDRESS', (_, { request }) => endpoint(request.remote, 'both')),
  ...all('DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT', (bits, { request }) => endpoint(request.remote, 'address', bits)),
  ...all('DOWNSTREAM_REMOTE_PORT', (_, { request }) => endpoint(request.remote, 'port')),
  ...all('DOWNSTREAM_DIRECT_REMOTE_ADDRESS', (_, { request }) => endpoint(request.source, 'both')),
  ...all('DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT', (bits, { request }) => endpoint(request.source, 'address', bits)),
  ...all('DOWNSTREAM_DIRECT_REMOTE_PORT', (_, { request }) => endpoint(request.source, 'port')),
  ...all('DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_DIRECT_LOCAL_ADDRESS', (_, { request }) => endpoint(request.destination, 'both')),
  ...all('DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT', (bits, { request }) =>
    endpoint(request.destination, 'address', bits),
  ),
  ...all('DOWNSTREAM_LOCAL_PORT DOWNSTREAM_DIRECT_LOCAL_PORT', (_, { request }) => endpoint(request.destination, 'port')),
  // nothing of the kind has happened when headers and answers are made
  ...all(
    `BYTES_RECEIVED BYTES_SENT BYTES_RETRANSMITTED PACKETS_RETRANSMITTED RESPONSE_TRAILERS_BYTES DOWNSTREAM_WIRE_BYTES_SENT
     DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT`,
    () => '0',
  ),
  ...all('CUSTOM_FLAGS DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID', () => ''),
  ...[...ALWAYS].map((name): readonly [string, Evaluate] => [name, () => UNKNOWN]),
  ...[...WITH_ANSWER].map((name): readonly [string, Evaluate] => [name, (_, context) => (answered(context) ? UNKNOWN : undefined)]),
  ...[...COUNTED_WITH_ANSWER].flatMap((name): readonly (readonly [string, Evaluate])[] =>
    name === 'RESPONSE_HEADERS_BYTES' ? [] : [[name, (_, context) => (answered(context) ? UNKNOWN : '0')]],
  ),
  // a plain connection has none of these
  ...plainConnection().map((name): readonly [string, Evaluate] => [name, (_, { request }) => (request.tls ? UNKNOWN : undefined)]),
  // nobody has set any: the filters that would are not part of routing, and an upstream is spoken to in plain text
  ...all(
    `TRAILER RESPONSE_TRAILER FILTER_STATE UPSTREAM_FILTER_STATE CONNECTION_TERMINATION_DETAILS UPSTREAM_TRANSPORT_FAILURE_REASON
     DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_LOCAL_CLOSE_REASON UPSTREAM_LOCAL_CLOSE_REASON TRACE_ID SPAN_ID ROUNDTRIP_DURATION
     RESPONSE_TX_DURATION DOWNSTREAM_HANDSHAKE_DURATION UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_SERVER_NAME UPSTREAM_TLS_GROUP
     UPSTREAM_TLS_SESSION_ID UPSTREAM_TLS_CIPHER UPSTREAM_TLS_VERSION UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_ISSUER UPSTREAM_PEER_CERT
     UPSTREAM_PEER_CERT_V_START UPSTREAM_PEER_CERT_V_END UPSTREAM_PEER_URI_SAN UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN
     UPSTREAM_LOCAL_URI_SAN UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN`,
    () => undefined,
  ),
])

const NUMBERS: ReadonlySet<string> = new Set([
  ...words(
    `RESPONSE_CODE REQUEST_HEADERS_BYTES RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES BYTES_RECEIVED BYTES_SENT BYTES_RETRANSMITTED
     PACKETS_RETRANSMITTED DURATION GRPC_STATUS_NUMBER UPSTREAM_REQUEST_ATTEMPT_COUNT DOWNSTREAM_WIRE_BYTES_SENT
     DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT DOWNSTREAM_REMOTE_PORT DOWNSTREAM_LOCAL_PORT
     DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_DIRECT_LOCAL_PORT CONNECTION_ID`,
  ),
  ...COUNTED_WITH_ANSWER,
])

function plainConnection(): readonly string[] {
  return ['PEER', 'LOCAL']
    .flatMap((side) => words('URI_SAN DNS_SAN IP_SAN EMAIL_SAN OTHERNAME_SAN SUBJECT').map((what) => `DOWNSTREAM_${side}_${what}`))
    .concat(
      words(
        `ISSUER SERIAL FINGERPRINT_1 FINGERPRINT_256 CERT CERT_V_START CERT_V_END CHAIN_FINGERPRINTS_1 CHAIN_FINGERPRINTS_256
         CHAIN_SERIALS ISSUER_FINGERPRINT_256 ISSUER_SERIAL`,
      ).map((what) => `DOWNSTREAM_PEER_${what}`),
    )
    .concat(words('SESSION_ID CIPHER VERSION GROUP').map((what) => `DOWNSTREAM_TLS_${what}`))
    .concat(['TLS_JA3_FINGERPRINT', 'TLS_JA4_FINGERPRINT'])
}

/** "main?alternative": the second only where the first is absent */
function either(argument: string, read: (name: string) => string | undefined): string | undefined {
  const mark = argument.indexOf('?')
  if (mark < 0) return read(argument.toLowerCase())
  return read(argument.slice(0, mark).toLowerCase()) ?? read(argument.slice(mark + 1).toLowerCase())
}

/** first value, pseudo headers included; `name` in lower case */
export function requestHeader(name: string, context: FormatContext): string | undefined {
  if (context.request.isUnread && name.charCodeAt(0) === 58) return undefined
  switch (name) {
    case ':path':
      return context.request.method === 'CONNECT' ? undefined : context.path
    case ':authority':
    case 'host':
      return context.request.hostless ? undefined : context.authority
    case ':method':
      return context.request.method
    case ':scheme':
      return context.request.pseudo(':scheme')
    default:
      return context.requestHeaders.get(name)
  }
}

function responseHeader(name: string, { responseHeaders, responseCode }: FormatContext): string | undefined {
  if (name === ':status') return responseHeaders === undefined || responseCode === undefined ? undefined : String(responseCode)
  return responseHeaders?.get(name)
}

/** names and values, pseudo headers included */
function requestHeadersBytes({ request, path, authority, requestHeaders }: FormatContext): number {
  if (request.isUnread) return 0
  const pseudo = [
    [':method', request.method],
    ...(request.method === 'CONNECT' ? [] : [[':path', path] as const]),
    ...(request.hostless ? [] : [[':authority', authority] as const]),
    ...(request.scheme === '' ? [] : [[':scheme', request.scheme] as const]),
  ] as const
  return [...pseudo, ...requestHeaders.all].reduce((sum, [name, value]) => sum + name.length + bytesOf(value).length, 0)
}

/** %PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH)% */
function pathCommand(argument: string, context: FormatContext): string | undefined {
  const [query = 'WQ', which = 'ORIG_OR_PATH'] = argument === '' ? [] : argument.split(':')
  const original = context.requestHeaders.get('x-envoy-original-path') || undefined
  const own = requestHeader(':path', context)
  const path = which === 'ORIG' ? original : which === 'PATH' ? own : (original ?? own)
  return query === 'NQ' ? withoutQuery(path) : path
}

/** %QUERY_PARAMS(ORIG|DECODED)%: the query of the path as it stands */
function queryParameters(argument: string, { path }: FormatContext): string | undefined {
  if (!path.includes('?')) return undefined
  return argument === 'DECODED' ? decodedQuery(queryOf(path)) : queryOf(path)
}

/** `bits`: of an address, the length of the prefix that is shown; '' is all of it */
function endpoint(text: string | undefined, part: 'both' | 'address' | 'port', bits = ''): string | typeof UNKNOWN {
  if (text === undefined) return UNKNOWN
  const shown = addressPart(text, part)
  return bits === '' ? shown : maskedAddress(shown, bits)
}

/** %REQUESTED_SERVER_NAME(SNI_ONLY|SNI_FIRST|HOST_FIRST:ORIG|HOST|ORIG_OR_HOST)%; a plain connection has no SNI */
function serverName(argument: string, { request, requestHeaders, authority }: FormatContext): string | undefined | typeof UNKNOWN {
  const [source = '', which = ''] = argument.split(':')
  if (request.tls && source !== 'HOST_FIRST') return UNKNOWN
  if (source !== 'SNI_FIRST' && source !== 'HOST_FIRST') return undefined
  const original = requestHeaders.get('x-envoy-original-host')
  // nor is there a host before the connection manager is through with a request
  if (request.scheme === '') return undefined
  return which === 'HOST' ? authority : which === 'ORIG' ? original : (original ?? authority)
}

/** %GRPC_STATUS(CAMEL_STRING|SNAKE_STRING|NUMBER)%, of an answer to a gRPC client */
function grpcStatus(form: string, context: FormatContext): string | undefined | typeof UNKNOWN {
  const { request, responseHeaders, responseCode } = context
  if (responseHeaders === undefined || !isGrpc(request)) return undefined
  // an upstream tells its own
  if (answered(context) && responseCode === undefined) return UNKNOWN
  const told = responseHeaders.get('grpc-status')
  const status = told !== undefined && /^\d+$/.test(told) ? Number(told) : responseCode ? grpcStatusOf(responseCode) : undefined
  if (status === undefined) return undefined
  return form === 'NUMBER' ? String(status) : grpcStatusText(status, form === 'SNAKE_STRING' ? 'snake' : 'camel')
}

/** names and values, :status among them; an upstream's are not known */
function responseHeadersBytes({ responseHeaders, details }: FormatContext): string | typeof UNKNOWN {
  if (details === 'via_upstream') return UNKNOWN
  if (responseHeaders === undefined) return '0'
  const bytes = responseHeaders.all.reduce((sum, [name, value]) => sum + name.length + bytesOf(value).length, 0)
  return String(STATUS_BYTES + bytes)
}

/** ":status" and its three digits */
const STATUS_BYTES = 10

/** Answered before an upstream was tried, though there is a cluster. */
function isUntried(details: string | undefined): boolean {
  return (
    details !== undefined &&
    details !== 'via_upstream' &&
    !/^(?:upstream_|response_timeout|stream_idle_timeout|filter_removed_)/.test(details)
  )
}
