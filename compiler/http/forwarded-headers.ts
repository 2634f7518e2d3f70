/**
 * Headers that tell who the client is, and those that only some clients may send. In: the connection manager's settings, the request line and its headers. Out: the
 * headers as routes see them. For a client on the loopback interface Envoy writes an address of its machine into x-forwarded-for, which nobody knows here.
 * Source: Envoy's http/conn_manager_utility.cc (mutateRequestHeaders, cleanInternalHeaders); tried on Envoy 1.40.
 */
import type { ConnectionManager } from './connection-manager.ts'
import { type DetectedClient, detectClient } from './ip-detection.ts'
import { addressText, forwardedAddress, isInternalAddress, portText } from './internal-address.ts'
import type { Headers, RequestLine } from './request.ts'

/** Only internal requests may carry these. */
const CLEANED = [
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-force-trace',
  'x-envoy-ip-tags',
  'x-envoy-original-url',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-upstream-stream-duration-ms',
]
const CLEANED_AT_THE_EDGE = [
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-original-path',
  'x-envoy-original-host',
]

/** `connection`: how the client came; `internalOnly`: internal_only_headers of the route configuration; the headers are changed in place. Gives
 * who the client is, ip or ip:port, or how a request is answered whose client is not found */
export function setForwarded(
  manager: ConnectionManager,
  line: RequestLine,
  headers: Headers,
  connection: 'http' | 'https',
  internalOnly: readonly string[],
): DetectedClient {
  const source = addressText(line.source)
  const forwarded = headers.get('x-forwarded-for')
  let client: string | undefined
  let single = false
  const referer = headers.get('referer')
  if (referer !== undefined && !isReferer(referer)) headers.remove('referer')
  if (manager.useRemoteAddress) {
    single = forwarded === undefined
    client = (manager.trustedHops > 0 ? forwardedAddress(forwarded, manager.trustedHops - 1)?.address : undefined) ?? source
    if (!manager.skipXffAppend && source !== undefined) headers.add('x-forwarded-for', source)
    if (manager.trustedHops === 0) headers.set('x-forwarded-proto', connection)
  } else if (manager.detections !== undefined) {
    const found = detectClient(manager.detections, headers, source)
    if (found.kind === 'refused') return found
    client = found.address
    single = found.trusted
  } else {
    const found = forwardedAddress(forwarded, manager.trustedHops)
    client = found?.address
    single = found?.single ?? false
  }
  if (!headers.has('x-forwarded-proto')) headers.set('x-forwarded-proto', connection)
  if (manager.schemeOverwrite !== undefined) headers.set('x-forwarded-proto', manager.schemeOverwrite)
  const untrusted = manager.useRemoteAddress && manager.trustedHops === 0
  if (manager.appendXForwardedPort && (untrusted || !headers.has('x-forwarded-port'))) {
    const port = portText(line.destination)
    if (port !== undefined) headers.set('x-forwarded-port', String(port))
  }
  const internal = single && client !== undefined && isInternalAddress(manager.internal, client)
  const edge = !internal && manager.useRemoteAddress
  if (internal) headers.set('x-envoy-internal', 'true')
  else {
    if (edge) for (const name of CLEANED_AT_THE_EDGE) headers.remove(name)
    for (const name of CLEANED) headers.remove(name)
    for (const name of internalOnly) headers.remove(name)
  }
  if (manager.userAgent !== undefined) {
    const { cluster, id } = manager.userAgent
    headers.set('x-envoy-downstream-service-cluster', cluster)
    if ((headers.get('user-agent') ?? '') === '') headers.set('user-agent', cluster)
    if (id !== '') headers.set('x-envoy-downstream-service-node', id)
  }
  if (manager.via !== '') headers.set('via', [headers.get('via') ?? '', manager.via].filter((one) => one !== '').join(', '))
  if (edge && client !== undefined) headers.set('x-envoy-external-address', client)
  if (!manager.keepClientCertificate) headers.remove('x-forwarded-client-cert')
  return { kind: 'known', address: client === addressText(line.source) ? line.source : (client ?? line.source), trusted: single }
}

/**
 * An absolute URL without user or fragment, or a relative one without fragment whose first segment has no ":"; everything else goes.
 * Source: Envoy's http/utility.cc (isValidRefererValue); tried.
 */
function isReferer(text: string): boolean {
  const [whole, port = '0'] = ABSOLUTE.exec(text) ?? []
  if (whole !== undefined) return Number(port) < 65_536
  return RELATIVE.test(text)
}

const ABSOLUTE = /^[a-z]+:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?(?:[/?][!"$-~]*)?$/i
const RELATIVE = /^[\w.~!$&'()*+,;=@%?-]*(?:\/[\w.~!$&'()*+,;=@%?:/-]*)?$/
