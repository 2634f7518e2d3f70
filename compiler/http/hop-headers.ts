/**
 * Headers that speak of one connection: connection, upgrade, te and the like. In: the headers received. Out: what upgrade they ask for, why they are refused, and
 * the headers without those that do not go on, changed in place.
 * Source: Envoy's http/conn_manager_utility.cc and http/utility.cc (sanitizeConnectionHeader); tried on Envoy 1.40.
 */
import type { Headers } from './request.ts'

/** `hostless`: Connection has named Host */
export type Codec = { readonly kind: 'read'; readonly hostless: boolean } | { readonly kind: 'refused' }

/**
 * What the codec does with Connection before anybody else sees the request: headers that it names go, and their names with them; an upgrade keeps everything, but one
 * to h2c is none. Connection may not name what Envoy itself needs, nor too much.
 */
export function readConnection(method: string, headers: Headers): Codec {
  if (isUpgrade(headers)) {
    if (headers.get('upgrade')?.toLowerCase() !== 'h2c') return READ
    headers.remove('upgrade')
    headers.remove('http2-settings')
    keepTokens(headers, (token) => token !== 'upgrade' && token !== 'http2-settings')
  }
  if (method === 'CONNECT') {
    if (headers.get('content-length') === '0') headers.remove('content-length')
    return READ
  }
  const names = namedByConnection(headers)
  if (names.length >= MOST_NAMED || names.some((name) => name.startsWith(':') || NEVER_NAMED.has(name))) return { kind: 'refused' }
  if (names.includes('te') && (headers.get('te') ?? '').length >= LONGEST_TE) return { kind: 'refused' }
  const stays = new Set(names.filter((name) => ALWAYS_KEPT.has(name)))
  for (const name of names) {
    if (stays.has(name) || name === '') continue
    const trailers = name === 'te' && (headers.get('te') ?? '').split(',').some((token) => token.trim().toLowerCase() === 'trailers')
    if (trailers) {
      headers.set('te', 'trailers')
      stays.add('te')
    } else headers.remove(name)
  }
  if (names.some((name) => name !== '' && !stays.has(name))) keepTokens(headers, (token) => stays.has(token))
  return names.includes('host') ? { kind: 'read', hostless: true } : READ
}

/** A client that waits for a status of 100 gets it at once, and nobody else sees that it has asked. Gives the status that has been sent. */
export function takeExpect(headers: Headers): 0 | 100 {
  if (headers.get('expect')?.toLowerCase() !== '100-continue') return 0
  headers.remove('expect')
  return 100
}

const READ: Codec = { kind: 'read', hostless: false }
const NEVER_NAMED: ReadonlySet<string> = new Set(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'])
const MOST_NAMED = 10
const LONGEST_TE = 256
/** tokens that name no header to remove */
const ALWAYS_KEPT: ReadonlySet<string> = new Set(['close', 'keep-alive', 'upgrade'])

function tokensOf(headers: Headers): readonly string[] {
  return headers.get('connection')?.split(',') ?? []
}

function namedByConnection(headers: Headers): readonly string[] {
  return tokensOf(headers).map((token) => token.trim().toLowerCase())
}

function keepTokens(headers: Headers, isKept: (token: string) => boolean): void {
  const kept = tokensOf(headers)
    .map((token) => token.trim())
    .filter((token) => isKept(token.toLowerCase()))
  if (kept.length === 0) headers.remove('connection')
  else headers.set('connection', kept.join(','))
}

function isUpgrade(headers: Headers): boolean {
  return headers.has('upgrade') && namedByConnection(headers).includes('upgrade')
}

/** what the request wants its connection to become, in lower case; CONNECT counts as an upgrade, where it asks for no other one */
export function upgradeOf(method: string, headers: Headers): string | undefined {
  const upgrade = headers.get('upgrade')?.toLowerCase()
  if (upgrade !== 'h2c' && isUpgrade(headers)) return upgrade
  return method === 'CONNECT' ? 'connect' : undefined
}

export function cleanHopHeaders(headers: Headers, upgrade: string | undefined): void {
  if (upgrade === undefined || upgrade === 'connect') {
    headers.remove('connection')
    headers.remove('upgrade')
  }
  for (const name of HOP_HEADERS) headers.remove(name)
  // what is upgraded keeps it as it is
  if (upgrade !== undefined && upgrade !== 'connect') return
  const te = headers.get('te')
  if (te === undefined || te === '' || te === 'trailers') return
  if (te.split(',').some((token) => token.trim() === 'trailers')) headers.set('te', 'trailers')
  else headers.remove('te')
}

const HOP_HEADERS = ['x-envoy-internal', 'keep-alive', 'proxy-connection', 'transfer-encoding']
