/**
 * What a connection manager strips from the authority. In: its settings, the authority and the port that was dialled. Out: the authority that routes and the
 * upstream see. Source: Envoy's http/header_utility.cc (stripTrailingHostDot, stripPortFromHost).
 */
import { parseUnsigned } from '../match/decimal.ts'
import { portStart } from './virtual-hosts.ts'

export interface HostSettings {
  readonly stripPort: 'none' | 'matching' | 'any'
  readonly stripTrailingDot: boolean
}

export function stripHost(settings: HostSettings, authority: string, port: number | undefined): string {
  const host = settings.stripTrailingDot ? withoutDot(authority) : authority
  if (settings.stripPort === 'none') return host
  const start = portStart(host)
  const given = start < 0 ? undefined : parseUnsigned(host.slice(start + 1))
  if (given === undefined || given > 0xffffffffn) return host
  return settings.stripPort === 'any' || given === BigInt(port ?? -1) ? host.slice(0, start) : host
}

/** "a.com." and "a.com.:80" lose the dot */
function withoutDot(host: string): string {
  const dot = host.lastIndexOf('.')
  if (dot < 0) return host
  if (dot === host.length - 1) return host.slice(0, -1)
  return host[dot + 1] === ':' ? host.slice(0, dot) + host.slice(dot + 1) : host
}
