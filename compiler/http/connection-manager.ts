/**
 * What an HTTP connection manager does to a request before it is routed. In: its settings and a request line. Out: the request that matchers see, or its
 * refusal. Invariant: the line's own lists are never changed. x-request-id is random in Envoy and left out here.
 * Source: Envoy's http/conn_manager_utility.cc (mutateRequestHeaders, maybeNormalizePath, maybeNormalizeHost) and conn_manager_impl.cc.
 */
import { lowerCase } from '../match/string-match.ts'
import { stripHost } from './host-text.ts'
import { setForwarded } from './forwarded-headers.ts'
import { cleanHopHeaders, rejectedBy, upgradeOf } from './hop-headers.ts'
import { type InternalAddresses, portText } from './internal-address.ts'
import { normalizePath, type PathSettings } from './path-text.ts'
import { Headers, HttpRequest, type RequestLine, trim } from './request.ts'

export interface ConnectionManager extends PathSettings {
  readonly stripPort: 'none' | 'matching' | 'any'
  readonly stripTrailingDot: boolean
  readonly useRemoteAddress: boolean
  readonly trustedHops: number
  readonly skipXffAppend: boolean
  /** undefined: no address is internal */
  readonly internal: InternalAddresses | undefined
  readonly via: string
  /** the server header of its own answers */
  readonly serverName: string
  /** add_user_agent: the node of the bootstrap, '' where it is not known */
  readonly userAgent: Node | undefined
  readonly schemeOverwrite: string | undefined
  readonly appendXForwardedPort: boolean
  readonly keepClientCertificate: boolean
  /** upgrade types in lower case that its upgrade_configs name, and whether they are on */
  readonly upgrades: ReadonlyMap<string, boolean>
  /** connections are TLS */
  readonly tls: boolean
}

/** Who the proxy is. */
export interface Node {
  readonly cluster: string
  readonly id: string
}

/** A connection manager with nothing set. */
export const DEFAULT_CONNECTION_MANAGER: ConnectionManager = {
  rejectFragment: true,
  escapedSlashes: 'keep',
  normalizePath: false,
  mergeSlashes: false,
  stripPort: 'none',
  stripTrailingDot: false,
  useRemoteAddress: false,
  trustedHops: 0,
  skipXffAppend: false,
  internal: undefined,
  via: '',
  serverName: 'envoy',
  userAgent: undefined,
  schemeOverwrite: undefined,
  appendXForwardedPort: false,
  keepClientCertificate: false,
  upgrades: new Map(),
  tls: false,
}

export type Admission =
  | { readonly kind: 'request'; readonly request: HttpRequest; readonly upgrade: string | undefined }
  | {
      readonly kind: 'refused'
      readonly request: HttpRequest
      readonly status: number
      readonly reason: string
      readonly location?: string
    }

/** `internalOnly`: internal_only_headers of the route configuration */
export function admit(manager: ConnectionManager, line: RequestLine, internalOnly: readonly string[]): Admission {
  const tls = manager.tls || line.scheme === 'https'
  const headers = receivedHeaders(line)
  const path = normalizePath(manager, line.path)
  const authority = stripHost(manager, receivedHost(line), portText(line.destination))
  const upgrade = upgradeOf(line.method, headers)
  const rejected = rejectedBy(headers)
  cleanHopHeaders(headers, upgrade)
  const remote = setForwarded(manager, line, headers, tls ? 'https' : 'http', internalOnly)
  const scheme = manager.schemeOverwrite ?? schemeOf(headers.get('x-forwarded-proto') ?? '', tls ? 'https' : 'http')
  const { method, source, destination, random = TYPICAL } = line
  const of = { method, authority, path: path.kind === 'refused' ? line.path : path.path, scheme, source, remote, destination, random, tls }
  const request = new HttpRequest(of, headers)
  if (line.method !== 'CONNECT' && !line.path.startsWith('/'))
    return { kind: 'refused', request, status: 404, reason: 'absolute_path_rejected' }
  if (rejected !== undefined) return { kind: 'refused', request, status: 400, reason: rejected }
  if (path.kind === 'refused') return { kind: 'refused', request, status: 400, reason: 'path_normalization_failed' }
  if (path.kind === 'redirect') return { kind: 'refused', request, status: 307, reason: 'path_normalization_failed', location: path.path }
  return { kind: 'request', request, upgrade }
}

/** What a request draws that does not say: the middle, so that a share of less than a half is not met. */
const TYPICAL = 0.5

/** x-forwarded-proto is believed, in any case, when it names a scheme */
function schemeOf(forwarded: string, connection: 'http' | 'https'): string {
  const proto = lowerCase(forwarded)
  return proto === 'http' || proto === 'https' ? proto : connection
}

function receivedHeaders(line: RequestLine): Headers {
  const headers = new Headers('request')
  for (const [name, value] of line.headers) {
    if (name.charCodeAt(0) !== COLON && !(name.length === 4 && name.toLowerCase() === 'host')) headers.add(name, trim(value))
  }
  return headers
}

const COLON = 58

/** Several Host headers are joined, as those of any inline header. */
function receivedHost({ authority, headers }: RequestLine): string {
  const more = headers.filter(([name]) => name.length === 4 && name.toLowerCase() === 'host').map(([, value]) => trim(value))
  return more.length === 0 ? trim(authority) : [authority, ...more].filter((host) => host !== '').join(',')
}
