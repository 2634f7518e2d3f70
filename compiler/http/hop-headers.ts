/**
 * Headers that speak of one connection: connection, upgrade, te and the like. In: the headers received. Out: what upgrade they ask for, why they are refused, and
 * the headers without those that do not go on, changed in place.
 * Source: Envoy's http/conn_manager_utility.cc and http/utility.cc (sanitizeConnectionHeader); tried on Envoy 1.40.
 */
import type { Headers } from './request.ts'

/** Connection may not name what Envoy itself needs. */
export function rejectedBy(headers: Headers): string | undefined {
  const names = namedByConnection(headers)
  if (names.includes('host')) return 'missing_host_header'
  return names.some((name) => name.startsWith(':') || NEVER_NAMED.has(name)) ? 'http1.connection_header_rejected' : undefined
}

const NEVER_NAMED: ReadonlySet<string> = new Set(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'])
/** tokens that name no header to remove, and te, which has a rule of its own */
const NOT_REMOVED: ReadonlySet<string> = new Set(['', 'close', 'keep-alive', 'upgrade', 'te', 'http2-settings'])

function namedByConnection(headers: Headers): readonly string[] {
  const connection = headers.get('connection')
  return connection === undefined ? [] : connection.split(',').map((token) => token.trim().toLowerCase())
}

/** what the request wants its connection to become, in lower case; CONNECT counts as an upgrade, where it asks for no other one */
export function upgradeOf(method: string, headers: Headers): string | undefined {
  const upgrade = headers.get('upgrade')?.toLowerCase()
  if (upgrade !== undefined && upgrade !== 'h2c' && namedByConnection(headers).includes('upgrade')) return upgrade
  return method === 'CONNECT' ? 'connect' : undefined
}

/** What the codec takes out before anybody else sees the request: headers that Connection names, where nothing is upgraded. */
export function dropNamedHeaders(headers: Headers, upgrade: string | undefined): void {
  if (upgrade !== undefined && upgrade !== 'connect') return
  const named = namedByConnection(headers)
  for (const name of named) if (!NOT_REMOVED.has(name)) headers.remove(name)
  // an empty one goes, too, where Connection names it
  if (named.includes('te') && headers.get('te') === '') headers.remove('te')
}

export function cleanHopHeaders(headers: Headers, upgrade: string | undefined): void {
  if (upgrade === undefined || upgrade === 'connect') {
    headers.remove('connection')
    if (headers.get('upgrade')?.toLowerCase() === 'h2c') headers.remove('http2-settings')
    headers.remove('upgrade')
  }
  // the codec has answered 100 itself
  if (headers.get('expect')?.toLowerCase() === '100-continue') headers.remove('expect')
  for (const name of HOP_HEADERS) headers.remove(name)
  // what is upgraded keeps it as it is
  if (upgrade !== undefined && upgrade !== 'connect') return
  const te = headers.get('te')
  if (te === undefined || te === '' || te === 'trailers') return
  if (te.split(',').some((token) => token.trim() === 'trailers')) headers.set('te', 'trailers')
  else headers.remove('te')
}

const HOP_HEADERS = ['x-envoy-internal', 'keep-alive', 'proxy-connection', 'transfer-encoding']
