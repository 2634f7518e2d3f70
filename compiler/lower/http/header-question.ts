/**
 * What is asked of headers, behind a connection manager. In: a name, a comparison and the service. Out: a question to the head as it came. Headers that the connection
 * manager writes, completes or removes before routes see them have questions of their own (compiler/http/{connection-manager,forwarded-headers,
 * hop-headers}.ts is the meaning); what it makes up at run time is unknown here.
 */
import type { ConnectionManager } from '../../http/connection-manager.ts'
import type { HttpService } from '../../ir/program.ts'
import type { Comparison, Question } from './question.ts'
import { ALWAYS, NEVER } from './question.ts'

/** How a condition takes a header. */
export interface HeaderAsked {
  /** lower-case; pseudo headers too */
  readonly name: string
  readonly comparison: Comparison
  readonly invert: boolean
  /** the answer where the header is missing */
  readonly missing: boolean
  /** whether a text that is known now fulfils the comparison */
  readonly holds: (text: string) => boolean
  /** several values are one, with commas */
  readonly joined?: boolean
}

/** Removed before routes are matched: for them it is never there. */
const REMOVED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
  'te',
])
/** Written by the connection manager, from what it alone knows. */
const MADE: ReadonlySet<string> = new Set([
  'x-request-id',
  'x-envoy-internal',
  'x-envoy-external-address',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
])

export function headerQuestion(asked: HeaderAsked, { manager, routes }: HttpService): Question {
  const { name, comparison, invert, missing, holds } = asked
  const known = (text: string): Question => ({ kind: 'constant', holds: holds(text) !== invert })
  const absent: Question = { kind: 'constant', holds: missing }
  const ask = (subject: Extract<Question, { kind: 'ask' }>['subject'], otherwise: boolean): Question => ({
    kind: 'ask',
    subject,
    comparison,
    invert,
    missing: otherwise,
  })
  switch (name) {
    case ':method':
      return ask({ kind: 'method' }, missing)
    case ':path':
      return ask({ kind: 'target' }, missing)
    case ':authority':
    case 'host':
      return ask({ kind: 'authority' }, missing)
    case ':scheme': {
      const scheme = manager.schemeOverwrite ?? (isProtoKnown(manager) ? 'http' : undefined)
      if (scheme !== undefined) return known(scheme)
      return either(SAYS_HTTPS, known('https'), known('http'))
    }
    case 'x-forwarded-proto':
      if (manager.schemeOverwrite !== undefined) return known(manager.schemeOverwrite)
      return isProtoKnown(manager) ? known('http') : ask({ kind: 'header', name }, holds('http') !== invert)
  }
  if (name.startsWith(':') || REMOVED.has(name)) return absent
  if (name === 'x-forwarded-client-cert' && !manager.keepClientCertificate) return absent
  if (MADE.has(name) || isWritten(name, manager) || routes.internalOnlyHeaders.includes(name))
    return { kind: 'unknown', why: `the connection manager writes ${name}` }
  return ask({ kind: 'header', name, ...(asked.joined === true && { joined: true as const }) }, missing)
}

/** Over plain connections: x-forwarded-proto is http, whatever the client sends. */
function isProtoKnown(manager: ConnectionManager): boolean {
  return manager.useRemoteAddress && manager.trustedHops === 0
}

function isWritten(name: string, manager: ConnectionManager): boolean {
  switch (name) {
    case 'x-forwarded-for':
      return manager.useRemoteAddress && !manager.skipXffAppend
    case 'x-forwarded-port':
      return manager.appendXForwardedPort
    case 'via':
      return manager.via !== ''
    case 'user-agent':
      return manager.userAgent !== undefined
    default:
      return false
  }
}

/** A client that says https, in any case, is believed. */
const SAYS_HTTPS: Question = {
  kind: 'ask',
  subject: { kind: 'header', name: 'x-forwarded-proto' },
  comparison: { kind: 'exact', text: 'https', fold: true },
  invert: false,
  missing: false,
}

function either(question: Question, yes: Question, no: Question): Question {
  return {
    kind: 'any',
    of: [
      { kind: 'all', of: [question, yes] },
      { kind: 'all', of: [{ kind: 'not', of: question }, no] },
    ],
  }
}

/**
 * Whether a client is not internal. Without use_remote_address it is internal only where x-forwarded-for has one address, which is.
 * Source: compiler/http/forwarded-headers.ts.
 */
export function isExternal({ manager }: HttpService): Question {
  if (manager.internal === undefined) return ALWAYS
  const unknown: Question = { kind: 'unknown', why: 'require_tls of external clients' }
  if (manager.useRemoteAddress) return unknown
  const forwarded: Question = {
    kind: 'ask',
    subject: { kind: 'header', name: 'x-forwarded-for' },
    comparison: { kind: 'present' },
    invert: false,
    missing: false,
  }
  return either(forwarded, unknown, ALWAYS)
}

/** x-forwarded-proto is https, to the letter. */
export function isHttps(service: HttpService): Question {
  const comparison = { kind: 'exact', text: 'https', fold: false } as const
  const asked = { name: 'x-forwarded-proto', comparison, invert: false, missing: false, holds: (text: string) => text === 'https' }
  return service.manager.tls ? NEVER : headerQuestion(asked, service)
}
