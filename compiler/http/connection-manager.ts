/**
 * What an HTTP connection manager does to a request before it is routed. In: its settings and a request line. Out: the request that matchers see, or its
 * refusal. Invariant: the line's own lists are never changed. x-request-id is random in Envoy and left out here.
 * Source: Envoy's http/conn_manager_utility.cc (mutateRequestHeaders, maybeNormalizePath, maybeNormalizeHost) and conn_manager_impl.cc.
 */
import { isGrpc } from '../match/grpc.ts'
import { lowerCase } from '../match/string-match.ts'
import { checkHead, type HeadLimits } from './codec-refusal.ts'
import { stripHost } from './host-text.ts'
import { setForwarded } from './forwarded-headers.ts'
import type { IpDetection } from './ip-detection.ts'
import { cleanHopHeaders, readConnection, takeExpect, upgradeOf } from './hop-headers.ts'
import { type InternalAddresses, portText } from './internal-address.ts'
import { normalizePath, type PathSettings } from './path-text.ts'
import { type Front, Headers, HttpRequest, NO_FRONT, type RequestLine, trim } from './request.ts'

export interface ConnectionManager extends PathSettings, HeadLimits {
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
  /** undefined: no early_header_mutation_extensions */
  readonly early: EarlyMutations | undefined
  /** original_ip_detection_extensions; undefined: there are none, and x-forwarded-for is looked at */
  readonly detections: readonly IpDetection[] | undefined
  readonly front: Front
  /** connections are TLS */
  readonly tls: boolean
}

/** Changes the headers of a request before anything else does. */
export interface EarlyMutations {
  apply(request: HttpRequest): void
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
  early: undefined,
  detections: undefined,
  front: NO_FRONT,
  underscores: 'allow',
  mostHeaders: 100,
  mostKib: 60,
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
      readonly body?: string
    }

/** `internalOnly`: internal_only_headers of the route configuration */
export function admit(manager: ConnectionManager, given: RequestLine, internalOnly: readonly string[]): Admission {
  const verdict = checkHead(manager, given)
  if (verdict.kind === 'refused') return { ...verdict, request: unread(manager, given) }
  const { line } = verdict
  const { method, source, destination, random = TYPICAL } = line
  const tls = manager.tls || line.scheme === 'https'
  const headers = receivedHeaders(line)
  const codec = readConnection(method, headers)
  if (codec.kind === 'refused')
    return {
      kind: 'refused',
      status: 400,
      reason: 'http1.connection_header_rejected',
      body: 'Bad Request',
      request: unread(manager, given),
    }
  const { hostless } = codec
  const codeSoFar = takeExpect(headers)
  const isAbsolute = method === 'CONNECT' || line.path.startsWith('/')
  const path = isAbsolute ? normalizePath(manager, line.path) : { kind: 'path' as const, path: line.path }
  const received = hostless ? '' : receivedHost(line)
  // the path comes before the host: a refused path leaves it as it came
  const authority = path.kind === 'path' ? stripHost(manager, received, portText(destination)) : received
  const of = { method, authority, path: path.path, scheme: '', source, destination, random, tls, front: manager.front, hostless, codeSoFar }
  const early = (): HttpRequest => new HttpRequest(of, headers)
  const refused = (status: number, reason: string, location?: string): Extract<Admission, { kind: 'refused' }> => {
    return { kind: 'refused', request: early(), status, reason, ...(location !== undefined && { location }) }
  }
  if (hostless) return refused(400, 'missing_host_header')
  if (!isAbsolute) return refused(404, 'absolute_path_rejected')
  if (path.kind === 'refused' || (path.kind === 'redirect' && isGrpc(early()))) return refused(400, 'path_normalization_failed')
  if (path.kind === 'redirect') return refused(307, 'path_normalization_failed', path.path)
  manager.early?.apply(early())
  const upgrade = upgradeOf(method, headers)
  cleanHopHeaders(headers, upgrade)
  const client = setForwarded(manager, line, headers, tls ? 'https' : 'http', internalOnly)
  if (client.kind === 'refused') return refused(client.status, 'rejecting_because_detection_failed')
  const scheme = manager.schemeOverwrite ?? schemeOf(headers.get('x-forwarded-proto') ?? '', tls ? 'https' : 'http')
  return { kind: 'request', request: new HttpRequest({ ...of, scheme, remote: client.address }, headers), upgrade }
}

/** A request whose head the codec has not read to its end. */
function unread({ front, tls }: ConnectionManager, { source, destination, random = TYPICAL }: RequestLine): HttpRequest {
  return new HttpRequest(
    { method: '', authority: '', path: '', scheme: '', source, destination, random, tls, front, hostless: true },
    new Headers('request'),
  )
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

/** Several Host headers are joined, as those of any inline header; what CONNECT names counts instead of all of them. */
function receivedHost({ method, path, authority, headers }: RequestLine): string {
  if (method === 'CONNECT' && path !== '' && !path.startsWith('/')) return path
  const more = headers.filter(([name]) => name.length === 4 && name.toLowerCase() === 'host').map(([, value]) => trim(value))
  return more.length === 0 ? trim(authority) : [authority, ...more].filter((host) => host !== '').join(',')
}
