/**
 * What a connection manager does to requests that the kernel does not do. In: a service. Out: why all of its requests are for user space, or which headers send a single
 * request there. Source: compiler/http/connection-manager.ts and forwarded-headers.ts, which are the meaning.
 */
import {
  CONDITION_NO,
  CONDITION_REGEX,
  CONDITION_YES,
  condition,
  SERVICE_IGNORE_PARAMETERS,
  SERVICE_IGNORE_PORT,
  SERVICE_MERGE_SLASHES,
  SERVICE_NORMALIZE,
  SERVICE_STRIP_DOT,
  SERVICE_STRIP_PORT,
} from '../../../proto/http/matching.ts'
import type { ConnectionManager } from '../../http/connection-manager.ts'
import type { RouteConfiguration } from '../../http/model.ts'
import type { Undone } from '../../http/undone.ts'
import type { HttpService } from '../../ir/program.ts'
import type { HttpBuilder } from './builder.ts'
import type { ServiceScope } from './scope.ts'

/** Why no request is the kernel's; undefined when they are. */
export function serviceReason({ path, manager, routes, undone }: HttpService): Undone | undefined {
  const needed = undone.get(path)
  if (needed !== undefined) return needed
  const why = managerReason(manager, routes)
  return why === '' ? undefined : { why }
}

function managerReason(manager: ConnectionManager, routes: RouteConfiguration): string {
  if (manager.tls) return 'its connections are TLS'
  if (routes.vhostHeader !== undefined) return 'vhost_header names the virtual host'
  if (manager.via !== '') return 'the connection manager writes via'
  if (manager.front.proxyStatus !== undefined) return 'the connection manager writes proxy-status'
  if (manager.userAgent !== undefined) return 'add_user_agent is set'
  if (manager.appendXForwardedPort) return 'append_x_forwarded_port is set'
  if (manager.schemeOverwrite !== undefined) return 'scheme_header_transformation is set'
  if (manager.front.strict.length > 0) return 'strict_check_headers is set'
  return ''
}

/** km_service.flags: what of hosts and paths takes no part, or is user space's to see. */
export function serviceFlags({ manager, routes }: HttpService, builder: HttpBuilder): number {
  const ports =
    (routes.ignorePortInHostMatching ? SERVICE_IGNORE_PORT : 0) |
    (manager.stripPort === 'none' ? 0 : SERVICE_STRIP_PORT) |
    (manager.stripTrailingDot ? SERVICE_STRIP_DOT : 0)
  const paths =
    (manager.normalizePath || manager.escapedSlashes !== 'keep' ? SERVICE_NORMALIZE : 0) |
    (manager.mergeSlashes ? SERVICE_MERGE_SLASHES : 0) |
    (routes.ignorePathParametersInPathMatching ? SERVICE_IGNORE_PARAMETERS : 0)
  if (ports !== 0) builder.uses('ports')
  if (paths !== 0) builder.uses('oddPaths')
  return ports | paths
}

/** Fields of km_service. Slots stand with 1 added; 0 is none. */
export interface ServiceSettings {
  readonly barred: number
  readonly proto: number
  readonly referer: number
  /** false: there are more headers than slots */
  readonly complete: boolean
}

/**
 * `barred`: headers that only the connection manager itself may hand on as they are. Where it takes the client's address from the connection, a client's own
 * x-forwarded-* are replaced or appended to; x-forwarded-client-cert and internal_only_headers are removed. An odd Referer is removed, too: the row behind
 * km_wildcards asks whether it is a plain one.
 */
export function serviceSettings({ manager, routes }: HttpService, scope: ServiceScope): ServiceSettings {
  let barred = 0
  let complete = true
  const slotOf = (name: string): number => {
    const slot = scope.interest(name)
    if (slot === undefined) complete = false
    return slot ?? 0
  }
  const bar = (name: string): void => {
    barred |= 1 << slotOf(name)
  }
  if (!manager.keepClientCertificate) bar('x-forwarded-client-cert')
  for (const name of routes.internalOnlyHeaders) bar(name)
  if (manager.useRemoteAddress) {
    bar('x-forwarded-for')
    bar('x-forwarded-proto')
  }
  const proto = slotOf('x-forwarded-proto') + 1
  const referer = slotOf('referer')
  const automaton = scope.builder.automaton(PLAIN_REFERER)
  if (automaton === undefined) throw new Error('the automaton of a Referer is too large')
  const asked = { kind: CONDITION_REGEX, subject: referer, yes: CONDITION_YES, no: CONDITION_NO, missing: CONDITION_YES, a: automaton }
  scope.builder.set(scope.row + 2, condition, asked)
  return { barred: barred >>> 0, proto, referer: referer + 1, complete }
}

/** What is certain to pass Envoy's own test. Source: compiler/http/forwarded-headers.ts (isReferer), which is the meaning. */
const AUTHORITY = '(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(?::(?:[0-9]{1,4}|[1-5][0-9]{4}))?'
const ABSOLUTE = `[A-Za-z]+://${AUTHORITY}(?:[/?][!"$-~]*)?`
const RELATIVE = "[\\w.~!$&'()*+,;=@%?-]*(?:/[\\w.~!$&'()*+,;=@%?:/-]*)?"
const PLAIN_REFERER = `${ABSOLUTE}|${RELATIVE}`
