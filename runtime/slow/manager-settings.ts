/**
 * What a connection manager does to bytes and headers beside routing. In: its cursor. Out: settings of the slow path; milliseconds, 0 is none.
 * Source: Envoy's http_connection_manager.proto, protocol.proto (HttpProtocolOptions, Http1ProtocolOptions), router.proto; defaults tried on Envoy 1.40.
 */
import type { Cursor } from '../../compiler/input/cursor.ts'

export interface ManagerSettings {
  /** bytes of a request's head; beyond: 431 */
  readonly headLimit: number
  /** number of headers of a request; beyond: 431 */
  readonly headerLimit: number
  readonly serverName: string
  readonly serverHeader: 'overwrite' | 'if_absent' | 'pass'
  readonly http10: boolean
  /** stands in for a missing Host of HTTP/1.0 */
  readonly defaultHost: string
  readonly absoluteUrls: boolean
  /** chunked requests may have a Content-Length, which goes */
  readonly chunkedLength: boolean
  readonly underscores: 'allow' | 'reject' | 'drop'
  readonly streamIdle: number
  readonly requestTimeout: number
  readonly headersTimeout: number
  readonly connectionIdle: number
  readonly mostRequests: number
  readonly requestId: 'generate' | 'leave'
  readonly preserveRequestId: boolean
  readonly requestIdInAnswer: boolean
  /** Expect: 100-continue is the upstream's business */
  readonly passContinue: boolean
  /** x-envoy-upstream-service-time and the like are not told */
  readonly quiet: boolean
}

const ROUTER = 'envoy.extensions.filters.http.router.v3.Router'
const KIB = 1024

/** `at`: an HttpConnectionManager */
export function readManagerSettings(at: Cursor): ManagerSettings {
  const common = at.message('common_http_protocol_options')
  const http1 = at.message('http_protocol_options')
  const router = at.messages('http_filters').find((filter) => filter.has('typed_config') && filter.any('typed_config')?.type === ROUTER)
  const server = at.enum('server_header_transformation')
  const underscores = common?.enum('headers_with_underscores_action')
  return {
    headLimit: (at.number('max_request_headers_kb') ?? 60) * KIB,
    headerLimit: common?.number('max_headers_count') ?? 100,
    serverName: at.string('server_name') || 'envoy',
    serverHeader: server === 'PASS_THROUGH' ? 'pass' : server === 'APPEND_IF_ABSENT' ? 'if_absent' : 'overwrite',
    http10: http1?.boolean('accept_http_10') ?? false,
    defaultHost: http1?.string('default_host_for_http_10') ?? '',
    absoluteUrls: http1?.boolean('allow_absolute_url') ?? true,
    chunkedLength: http1?.boolean('allow_chunked_length') ?? false,
    underscores: underscores === 'REJECT_REQUEST' ? 'reject' : underscores === 'DROP_HEADER' ? 'drop' : 'allow',
    streamIdle: at.duration('stream_idle_timeout') ?? 300_000,
    requestTimeout: at.duration('request_timeout') ?? 0,
    headersTimeout: at.duration('request_headers_timeout') ?? 0,
    connectionIdle: common?.duration('idle_timeout') ?? 3_600_000,
    mostRequests: common?.number('max_requests_per_connection') ?? 0,
    requestId: (at.boolean('generate_request_id') ?? true) ? 'generate' : 'leave',
    preserveRequestId: at.boolean('preserve_external_request_id') ?? false,
    requestIdInAnswer: at.boolean('always_set_request_id_in_response') ?? false,
    passContinue: at.boolean('proxy_100_continue') ?? false,
    quiet: (router?.any('typed_config')?.boolean('suppress_envoy_headers') ?? false) === true,
  }
}
