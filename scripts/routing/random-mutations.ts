/**
 * Random header mutations and substitution formats. In: a sketch. Out: fields of a RouteConfiguration, VirtualHost, Route or ClusterWeight; formats.
 * Source: envoy.config.core.v3.HeaderValueOption; Envoy's list of command operators. Formats of what only a clock or an upstream tells are left out.
 */
import type { JsonObject } from '../oracle/envoy.ts'
import type { Sketch } from './sketch.ts'
import { headerName, value } from './words.ts'

const ADDED = [
  'x-a',
  'x-b',
  'x-added',
  'X-Mixed',
  'x-num',
  'user-agent',
  'accept',
  'x-empty',
  'cookie',
  'content-type',
  'x-forwarded-host',
  'set-cookie',
  'x-envoy-foo',
  'via',
  'location',
  'etag',
  'vary',
] as const
const COMMANDS = [
  '%REQ(x-a)%',
  '%REQ(X-B?x-a)%',
  '%REQ(:PATH)%',
  '%REQ(:AUTHORITY)%',
  '%REQ(:METHOD)%',
  '%REQ(:SCHEME)%',
  '%REQ(x-a):3%',
  '%REQ(:path):5%',
  '%REQ(x-mixed?:authority)%',
  '%REQ(host)%',
  '%REQ(x-envoy-original-path?:path)%',
  '%REQUEST_HEADER(x-a)%',
  '%RESP(x-added)%',
  '%RESP(x-none)%',
  '%PATH(WQ)%',
  '%PATH(NQ)%',
  '%PATH(NQ:ORIG)%',
  '%PATH(WQ:PATH)%',
  '%PATH(NQ:ORIG_OR_PATH):4%',
  '%QUERY_PARAM(k)%',
  '%QUERY_PARAM(k):2%',
  '%QUERY_PARAMS(ORIG)%',
  '%QUERY_PARAMS(DECODED)%',
  '%QUERY_PARAMS%',
  '%PROTOCOL%',
  '%ROUTE_NAME%',
  '%VIRTUAL_CLUSTER_NAME%',
  '%UPSTREAM_CLUSTER%',
  '%UPSTREAM_CLUSTER_RAW%',
  '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%DYNAMIC_METADATA(a:b)%',
  '%FILTER_STATE(a:PLAIN)%',
  '%REQUESTED_SERVER_NAME%',
  '%DOWNSTREAM_PEER_URI_SAN%',
  '%DOWNSTREAM_TLS_VERSION%',
  '%METADATA(ROUTE:m:k)%',
  '%METADATA(CLUSTER:m:k)%',
  '%METADATA(ROUTE:m:o:p)%',
  '%CLUSTER_METADATA(m:k)%',
  '%METADATA(VIRTUAL_HOST:m:k)%',
  '%REQUEST_HEADERS_BYTES%',
  '%BYTES_RECEIVED%',
  '%RESPONSE_FLAGS%',
  '%RESPONSE_CODE_DETAILS%',
  '%CONNECTION_TERMINATION_DETAILS%',
  '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(16)%',
  '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT(31)%',
  '%REQUESTED_SERVER_NAME(HOST_FIRST)%',
  '%REQUESTED_SERVER_NAME(SNI_FIRST:HOST)%',
  '%REQUESTED_SERVER_NAME(HOST_FIRST:ORIG)%',
  '%METADATA(LISTENER:m:k)%',
  '%METADATA(LISTENER_FILTER_CHAIN:m:o)%',
  '%METADATA(CLUSTER:m:o:list)%',
  '%METADATA(CLUSTER:m:n)%',
  '%METADATA(ROUTE:m)%',
  '%METADATA(VIRTUAL_HOST:m:o):4%',
  '%METADATA(DYNAMIC:m:k)%',
  '%CLUSTER_METADATA(m:k)%',
  '%FILTER_CHAIN_NAME%',
  '%STREAM_ID%',
  '%STREAM_INFO_REQ(x-a)%',
  '%RESPONSE_FLAGS_LONG%',
  '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  '%DOWNSTREAM_DETECTED_CLOSE_TYPE%',
  '%RESPONSE_TRAILERS_BYTES%',
  '%DOWNSTREAM_TLS_GROUP%',
  '%UPSTREAM_PEER_SUBJECT%',
  '%COALESCE({"operators": [{"command": "REQ", "param": "x-none"}, {"command": "REQ", "param": "x-a", "max_length": 2}, "PROTOCOL"]})%',
  '%COALESCE({"operators": ["ROUTE_NAME", {"command": "METADATA", "param": "ROUTE:m:o"}]}):3%',
  '%%',
  '100%%',
] as const
const REFUSED = [
  '%',
  '%REQ(x-a%',
  '%BOGUS%',
  '%REQ%',
  '%PATH(XX)%',
  '%REQ(a?b?c)%',
  '%ROUTE_NAME',
  '%REQ()%',
  '%PROTOCOL(x)%',
  '%METADATA(x)%',
  '%REQ(x-a):%',
  'a%b',
  '%req(x-a)%',
  '%QUERY_PARAM%',
  '%REQ(x-a):-1%',
] as const

/** `where`: a body is formatted with more care for what the wire shows */
export function randomFormat(sketch: Sketch): string {
  if (sketch.odd(0.03)) return sketch.one(REFUSED)
  if (sketch.chance(0.4)) return sketch.one([value(sketch), '', 'plain', 'a b', ' padded '])
  return sketch.many(1, 3, () => (sketch.chance(0.6) ? sketch.one(COMMANDS) : sketch.one(['-', 'x', ' ', '', '\u00e9', '|']))).join('')
}

/** of one level; `often`: how likely each list is */
export function randomMutations(sketch: Sketch, often: number): JsonObject {
  return {
    ...sketch.maybe(often, 'request_headers_to_add', () => sketch.many(1, 3, () => addition(sketch))),
    ...sketch.maybe(often / 2, 'request_headers_to_remove', () => sketch.many(1, 2, () => removed(sketch))),
    ...sketch.maybe(often, 'response_headers_to_add', () => sketch.many(1, 3, () => addition(sketch))),
    ...sketch.maybe(often / 2, 'response_headers_to_remove', () => sketch.many(1, 2, () => removed(sketch))),
  }
}

function addition(sketch: Sketch): JsonObject {
  const key = !sketch.odd(0.03)
    ? sketch.one(ADDED)
    : sketch.one([':path', 'host', 'Host', ':authority', 'x-odd', '', 'x-\u00e9', ':status', ':scheme'])
  const text = randomFormat(sketch)
  const header = sketch.chance(0.06) ? { key, raw_value: Buffer.from(text, 'utf8').toString('base64') } : { key, value: text }
  const old = sketch.chance(0.05)
  return {
    header,
    ...(old ? { append: sketch.chance(0.5) } : {}),
    ...(sketch.chance(0.6) && (!old || sketch.odd(0.2))
      ? { append_action: sketch.one(['APPEND_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT', 'OVERWRITE_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS']) }
      : {}),
    ...sketch.maybe(0.15, 'keep_empty_value', () => sketch.chance(0.8)),
  }
}

function removed(sketch: Sketch): string {
  return sketch.weighted([
    [30, headerName(sketch)],
    [10, sketch.one(ADDED)],
    [sketch.odd(0.1) ? 10 : 0, sketch.one([':path', 'host', 'content-length', 'x-envoy-attempt-count', 'te', 'Host', ''])],
  ])
}
