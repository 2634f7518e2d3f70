/**
 * What formats and mutations may know and change of a request in the kernel. In: a service, and what was changed so far. Out: facts for formats; why a header is
 * user space's. Headers that the connection manager removes are not there, those that it writes are not known (header-question.ts says the same of conditions).
 */
import type { ConnectionManager } from '../../http/connection-manager.ts'
import type { HttpService } from '../../ir/program.ts'
import type { HeaderPlan } from './header-plan.ts'
import { ABSENT, type FormatFacts, slowly, type Told, told, toldText } from './values.ts'

export interface RequestFactsInput {
  readonly service: HttpService
  readonly plan: HeaderPlan
  readonly authority: Told
  readonly routeName: string
  readonly cluster: Told
  /** requests with this header are user space's */
  readonly slowIf: (name: string) => void
}

export function createRequestFacts({ service, plan, authority, routeName, cluster, slowIf }: RequestFactsInput): FormatFacts {
  const { manager } = service
  const http = (): Told => {
    slowIf(PROTO)
    return toldText('http')
  }
  return {
    requestHeader(name) {
      const held = plan.state(name)
      if (held.kind !== 'came' || held.added.length > 0) return plan.header(name)
      if (name === PROTO) return http()
      if (REMOVED.has(name) || NEVER_YET.has(name) || (name === 'x-forwarded-client-cert' && !manager.keepClientCertificate)) return ABSENT
      return isWritten(name, manager) ? slowly(`a format reads ${name}, which the connection manager writes`) : plan.header(name)
    },
    responseHeader: undefined,
    path: told({ kind: 'target', from: 0 }),
    authority,
    scheme: http,
    responseCode: toldText('0'),
    details: undefined,
    routeName,
    cluster,
    body: '',
    unforwarded: () => slowIf('x-forwarded-for'),
  }
}

/** '' when the kernel can do it */
export function refusedRequestHeader(name: string, what: 'remove' | 'add' | 'overwrite', manager: ConnectionManager): string {
  if (name.startsWith(':') || name === 'host' || FRAMING.has(name)) return `it changes ${name}`
  if (name.startsWith('x-envoy-') && what !== 'remove' && ROUTER.some((prefix) => name.startsWith(prefix)))
    return `it sets ${name}, which the router obeys`
  if (what === 'add' && (isWritten(name, manager) || name === PROTO)) return `it adds to ${name}, which the connection manager writes`
  return ''
}

const PROTO = 'x-forwarded-proto'
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const REMOVED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
])
/** written when the path and the host are rewritten, behind the formats; clients may not send them */
const NEVER_YET: ReadonlySet<string> = new Set(['x-envoy-original-path', 'x-envoy-original-host'])
const ROUTER = ['x-envoy-retr', 'x-envoy-max-retries', 'x-envoy-hedge', 'x-envoy-upstream-']

function isWritten(name: string, manager: ConnectionManager): boolean {
  return (
    name.startsWith('x-envoy-') ||
    name === 'x-request-id' ||
    (name === 'x-forwarded-for' && manager.useRemoteAddress && !manager.skipXffAppend)
  )
}
