/**
 * What a substitution format gives. In: a template, and what is known when Envoy evaluates it. Out: the text. Commands whose value no snapshot knows
 * (times, ids, host names, what the upstream will answer) stay as they are written. Invariant: never throws.
 * Source: Envoy's source/common/formatter/{http_specific_formatter,stream_info_formatter}.cc; the codes of local answers were tried.
 */
import { bytesOf, textOf } from '../match/byte-text.ts'
import type { Route, Template, TemplatePart, VirtualHost } from '../http/model.ts'
import type { Headers, HttpRequest } from '../http/request.ts'
import { addressPart, decodedQuery, queryOf, queryParameter, withoutQuery } from './format-values.ts'
import { showCommand } from './template.ts'

/** The world of one evaluation. `request` is as received, path and headers are as they stand at this moment. */
export interface FormatContext {
  readonly request: HttpRequest
  readonly path: string
  readonly authority: string
  readonly requestHeaders: Headers
  /** undefined while there is no response */
  readonly responseHeaders: Headers | undefined
  /** what %RESPONSE_CODE% gives: 0 until an upstream has answered; undefined when that answer is not known */
  readonly responseCode: number | undefined
  /** Envoy's response code detail, once there is a response */
  readonly details: string | undefined
  readonly routeName: string
  /** whose metadata %METADATA(ROUTE:...)% and %METADATA(VIRTUAL_HOST:...)% show */
  readonly owners?: { readonly route: Route; readonly virtualHost: VirtualHost }
  readonly cluster: string | undefined
  /** %LOCAL_REPLY_BODY% */
  readonly body?: string
}

type Command = Extract<TemplatePart, { readonly kind: 'command' }>

/** `empty` stands for commands without a value: '' in headers, "-" in bodies */
export function formatTemplate(template: Template, context: FormatContext, empty: '' | '-'): string {
  let text = ''
  for (const part of template) text += part.kind === 'text' ? part.text : (evaluateCommand(part, context) ?? empty)
  return text
}

/** undefined: the command has no value */
export function evaluateCommand(command: Command, context: FormatContext): string | undefined {
  const evaluate = COMMANDS.get(command.name)
  if (evaluate === undefined) return showCommand(command)
  const value = evaluate(command.argument ?? '', context)
  return value === UNKNOWN ? showCommand(command) : cut(value, command.maxLength)
}

/** a value that exists and that nobody knows here */
const UNKNOWN = Symbol('unknown')

type Evaluate = (argument: string, context: FormatContext) => string | undefined | typeof UNKNOWN

const COMMANDS: ReadonlyMap<string, Evaluate> = new Map<string, Evaluate>([
  ['REQUEST_HEADER', (argument, context) => either(argument, (name) => requestHeader(name, context))],
  ['RESPONSE_HEADER', (argument, context) => either(argument, (name) => responseHeader(name, context))],
  ['REQ', (argument, context) => either(argument, (name) => requestHeader(name, context))],
  ['RESP', (argument, context) => either(argument, (name) => responseHeader(name, context))],
  ['TRAILER', () => undefined],
  ['PATH', pathCommand],
  ['QUERY_PARAM', (argument, context) => queryParameter(argument, context.path)],
  ['QUERY_PARAMS', (argument, context) => queryParameters(argument, context)],
  ['PROTOCOL', () => 'HTTP/1.1'],
  ['METADATA', metadataCommand],
  ['REQUEST_HEADERS_BYTES', (_, context) => String(requestHeadersBytes(context))],
  ['RESPONSE_CODE', (_, { responseCode }) => (responseCode === undefined ? UNKNOWN : String(responseCode))],
  ['RESPONSE_CODE_DETAILS', (_, { details }) => details],
  ['RESPONSE_FLAGS', (_, { details }) => FLAGS[details ?? '']?.[0] ?? '-'],
  ['RESPONSE_FLAGS_LONG', (_, { details }) => FLAGS[details ?? '']?.[1] ?? '-'],
  ['BYTES_RECEIVED', () => '0'],
  ['BYTES_SENT', () => '0'],
  ['ROUTE_NAME', (_, { routeName }) => routeName || undefined],
  ['UPSTREAM_CLUSTER', (_, { cluster }) => cluster],
  ['UPSTREAM_CLUSTER_RAW', (_, { cluster }) => cluster],
  ['UPSTREAM_REQUEST_ATTEMPT_COUNT', (_, { cluster }) => (cluster === undefined ? '0' : '1')],
  ['ACCESS_LOG_TYPE', () => 'NotSet'],
  ['CUSTOM_FLAGS', () => ''],
  ['LOCAL_REPLY_BODY', (_, { body }) => body ?? ''],
  ['DOWNSTREAM_REMOTE_ADDRESS', (_, { request }) => endpoint(request.remote, 'both')],
  ['DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT', (_, { request }) => endpoint(request.remote, 'address')],
  ['DOWNSTREAM_REMOTE_PORT', (_, { request }) => endpoint(request.remote, 'port')],
  ['DOWNSTREAM_DIRECT_REMOTE_ADDRESS', (_, { request }) => endpoint(request.source, 'both')],
  ['DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT', (_, { request }) => endpoint(request.source, 'address')],
  ['DOWNSTREAM_DIRECT_REMOTE_PORT', (_, { request }) => endpoint(request.source, 'port')],
  // the upstream is not known before it has answered
  ...[
    'UPSTREAM_HOST',
    'UPSTREAM_HOST_NAME',
    'UPSTREAM_HOSTS_ATTEMPTED',
    'UPSTREAM_LOCAL_ADDRESS',
    'UPSTREAM_REMOTE_ADDRESS',
    'UPSTREAM_PROTOCOL',
    'UPSTREAM_METADATA',
  ].map((name): readonly [string, Evaluate] => [name, (_, { details }) => (details === 'via_upstream' ? UNKNOWN : undefined)]),
  ['DOWNSTREAM_DIRECT_LOCAL_ADDRESS', (_, { request }) => endpoint(request.destination, 'both')],
  ['DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT', (_, { request }) => endpoint(request.destination, 'address')],
  ['DOWNSTREAM_DIRECT_LOCAL_PORT', (_, { request }) => endpoint(request.destination, 'port')],
  ['DOWNSTREAM_LOCAL_ADDRESS', (_, { request }) => endpoint(request.destination, 'both')],
  ['DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT', (_, { request }) => endpoint(request.destination, 'address')],
  ['DOWNSTREAM_LOCAL_PORT', (_, { request }) => endpoint(request.destination, 'port')],
  ['GRPC_STATUS', (_, { responseHeaders }) => responseHeaders?.get('grpc-status')],
  ['GRPC_STATUS_NUMBER', (_, { responseHeaders }) => responseHeaders?.get('grpc-status')],
  // a plain connection has none of these
  ...plainConnection().map((name): readonly [string, Evaluate] => [name, (_, { request }) => (request.tls ? UNKNOWN : undefined)]),
  // nobody set any: the filters that would are not part of routing
  ...[
    'DYNAMIC_METADATA',
    'CLUSTER_METADATA',
    'FILTER_STATE',
    'UPSTREAM_FILTER_STATE',
    'VIRTUAL_CLUSTER_NAME',
    'CONNECTION_TERMINATION_DETAILS',
    'UPSTREAM_TRANSPORT_FAILURE_REASON',
    'DOWNSTREAM_TRANSPORT_FAILURE_REASON',
    'TRACE_ID',
    'STREAM_ID',
  ].map((name): readonly [string, Evaluate] => [name, () => undefined]),
])

/** by response code detail: what has gone wrong, short and long */
const FLAGS: Readonly<Record<string, readonly [string, string]>> = {
  route_not_found: ['NR', 'NoRouteFound'],
  cluster_not_found: ['NC', 'NoClusterFound'],
  fault_filter_abort: ['FI', 'FaultInjected'],
}

function plainConnection(): readonly string[] {
  return ['PEER', 'LOCAL']
    .flatMap((side) =>
      ['URI_SAN', 'DNS_SAN', 'IP_SAN', 'EMAIL_SAN', 'OTHERNAME_SAN', 'SUBJECT'].map((what) => `DOWNSTREAM_${side}_${what}`),
    )
    .concat(
      [
        'ISSUER',
        'SERIAL',
        'FINGERPRINT_1',
        'FINGERPRINT_256',
        'CERT',
        'CERT_V_START',
        'CERT_V_END',
        'CHAIN_FINGERPRINTS_1',
        'CHAIN_FINGERPRINTS_256',
        'CHAIN_SERIALS',
      ].map((what) => `DOWNSTREAM_PEER_${what}`),
    )
    .concat([
      'DOWNSTREAM_TLS_SESSION_ID',
      'DOWNSTREAM_TLS_CIPHER',
      'DOWNSTREAM_TLS_VERSION',
      'REQUESTED_SERVER_NAME',
      'TLS_JA3_FINGERPRINT',
      'TLS_JA4_FINGERPRINT',
    ])
}

/** "main?alternative": the second only where the first is absent */
function either(argument: string, read: (name: string) => string | undefined): string | undefined {
  const mark = argument.indexOf('?')
  if (mark < 0) return read(argument.toLowerCase())
  return read(argument.slice(0, mark).toLowerCase()) ?? read(argument.slice(mark + 1).toLowerCase())
}

/** first value, pseudo headers included; `name` in lower case */
export function requestHeader(name: string, context: FormatContext): string | undefined {
  if (context.request.isUnread && (name === 'host' || name.charCodeAt(0) === 58)) return undefined
  switch (name) {
    case ':path':
      return context.request.method === 'CONNECT' ? undefined : context.path
    case ':authority':
    case 'host':
      return context.authority
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
    [':authority', authority],
    ...(request.scheme === '' ? [] : [[':scheme', request.scheme] as const]),
  ] as const
  return [...pseudo, ...requestHeaders.all].reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0)
}

/** %PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH)% */
function pathCommand(argument: string, context: FormatContext): string | undefined {
  const [query = 'WQ', which = 'ORIG_OR_PATH'] = argument === '' ? [] : argument.split(':')
  const original = context.requestHeaders.get('x-envoy-original-path')
  if (context.request.method === 'CONNECT' || context.request.isUnread) return undefined
  const path = which === 'ORIG' ? original : which === 'PATH' ? context.path : original || context.path
  return query === 'NQ' ? withoutQuery(path) : path
}

/** %METADATA(ROUTE|VIRTUAL_HOST|...:namespace:key:...)%; that of a cluster or an endpoint is not looked up, that of a request is empty */
function metadataCommand(argument: string, { owners }: FormatContext): string | undefined {
  const [source, ...steps] = argument.split(':')
  const owner = source === 'ROUTE' ? owners?.route : source === 'VIRTUAL_HOST' ? owners?.virtualHost : undefined
  let value: unknown = owner?.metadata
  for (const step of steps) value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[step] : undefined
  return value === undefined || typeof value === 'string' ? value : JSON.stringify(value)
}

/** %QUERY_PARAMS(ORIG|DECODED)%: the query of the path as it stands */
function queryParameters(argument: string, { path }: FormatContext): string | undefined {
  if (!path.includes('?')) return undefined
  return argument === 'DECODED' ? decodedQuery(queryOf(path)) : queryOf(path)
}

function endpoint(text: string | undefined, part: 'both' | 'address' | 'port'): string | typeof UNKNOWN {
  return text === undefined ? UNKNOWN : addressPart(text, part)
}

function cut(value: string | undefined, length: number | undefined): string | undefined {
  return value === undefined || length === undefined ? value : value.length * 3 <= length ? value : textOf(bytesOf(value).slice(0, length))
}
