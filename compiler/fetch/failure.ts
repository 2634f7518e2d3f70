/**
 * Why a stream ended, in the user's words. In: the status of gRPC and what had happened before; out: a code, a message, and whether another try may help.
 */
import { status } from '@grpc/grpc-js'

export interface Failure {
  readonly code: 'KM1850' | 'KM1851' | 'KM1852' | 'KM1853'
  readonly message: string
  readonly again: 'retry' | 'give up'
}

export interface StreamEnd {
  readonly code: number
  readonly details: string
}

export interface StreamHistory {
  readonly server: string
  readonly security: 'plaintext' | 'tls'
  /** did the connection stand when the stream ended, or any response come? */
  readonly reached: 'never' | 'connected' | 'answered'
}

const TLS =
  /certificate|self.signed|altnames|\bSSL\b|\bTLS\b|ERR_SSL|ERR_TLS|CERT_|wrong version number|unknown ca|handshake|alert (?:number )?\d+|secure TLS|EPROTO/i
const NOBODY = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ENOENT|EACCES|Name resolution failed/

/** What no repetition changes: who asks, and what the server offers. */
const FINAL: ReadonlySet<number> = new Set([
  status.INVALID_ARGUMENT,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.UNIMPLEMENTED,
  status.FAILED_PRECONDITION,
  status.NOT_FOUND,
])

export function failureOf({ code, details }: StreamEnd, { server, security, reached }: StreamHistory): Failure {
  const said = oneLine(details)
  if (code === status.UNAVAILABLE && reached === 'never') {
    const cause = lastError(said)
    if (security === 'tls' && TLS.test(cause) && !NOBODY.test(cause))
      return { code: 'KM1851', message: `no TLS connection to ${server}: ${cause}`, again: 'give up' }
    if (security === 'plaintext' && !NOBODY.test(cause))
      return {
        code: 'KM1850',
        message: `${server} closes the connection before it speaks gRPC (${cause}); it may want TLS`,
        again: 'retry',
      }
    if (security === 'tls' && !NOBODY.test(cause))
      return { code: 'KM1851', message: `${server} closes the connection during the TLS handshake (${cause})`, again: 'retry' }
    return { code: 'KM1850', message: `no connection to ${server}: ${cause}`, again: 'retry' }
  }
  const name = status[code] ?? String(code)
  const reason =
    code === status.OK ? `${server} ended the stream` : `${server} ended the stream with ${name}${said === '' ? '' : `: ${said}`}`
  return { code: 'KM1852', message: reason, again: FINAL.has(code) ? 'give up' : 'retry' }
}

/**
 * grpc-js: "No connection established. Last error: Error: self-signed certificate (2026-01-01T00:00:00.000Z). Resolution note: "; OpenSSL:
 * "804C:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../file.c:1601:SSL alert number 116". Neither times nor places help.
 */
function lastError(details: string): string {
  const found = /Last error: (.*?)(?:\. Resolution note:.*)?$/.exec(details)?.[1] ?? details
  const bare = found.replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/g, '').replace(/^Error(?: \[\w+\])?: /, '')
  const reason = /:SSL routines:[^:]*:([^:]+)/.exec(bare)?.[1] ?? bare
  return reason.trim() || 'no reason given'
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 300)
}
