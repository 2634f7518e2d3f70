/**
 * envoy.config.core.v3.Address: where a listener listens and where an endpoint is. In: a cursor. Out: a Target, and what only listeners have.
 * Source: Envoy's address.proto and resolver_impl.cc: the IP resolver takes numeric addresses and port_value; of listeners only `::` and
 * IPv4-mapped addresses may have ipv4_compat, of endpoints it means nothing (tried).
 */
import type { Protocol } from '../ir/program.ts'
import type { Cursor } from '../input/cursor.ts'
import { isAnyAddress, isMapped } from '../../proto/address/mapped.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import type { Target } from './resources.ts'

export interface ParsedAddress {
  readonly target: Target
  readonly protocol: Protocol
  readonly compat: boolean
  /** something of it needs user space */
  readonly divert: string | undefined
}

const NOWHERE = { protocol: 'tcp', compat: false, divert: undefined } as const
/** what a resolver that is not named, or is Envoy's own, does: the address is numeric, or a name for DNS clusters */
const IP_RESOLVERS = new Set(['', 'envoy.ip'])

/** where a listener listens, or where an endpoint is */
type Role = 'bound' | 'dialled'

export function readAddress(at: Cursor | undefined, role: Role): ParsedAddress {
  const direct = at?.has('socket_address') === true ? at.message('socket_address') : undefined
  if (direct !== undefined) return readSocketAddress(direct, role)
  const kind = at?.oneof('address')
  if (kind === 'pipe') return nowhere(at, kind, 'a Unix domain socket (pipe)')
  if (kind === 'envoy_internal_address') return nowhere(at, kind, 'an internal listener (envoy_internal_address)')
  return { ...NOWHERE, target: { kind: 'invalid', why: 'has no address' } }
}

function nowhere(at: Cursor | undefined, field: string, why: string): ParsedAddress {
  at?.mark(field, 'diverted', `${why}: no IP address to connect to`)
  return { ...NOWHERE, target: { kind: 'none', why } }
}

const READ = new Set(['protocol', 'address', 'port_value', 'named_port', 'resolver_name', 'ipv4_compat'])

function readSocketAddress(at: Cursor, role: Role): ParsedAddress {
  const text = at.string('address') ?? ''
  const port = at.number('port_value') ?? 0
  const protocol: Protocol = at.has('protocol') && at.enum('protocol') === 'UDP' ? 'udp' : 'tcp'
  // most addresses have nothing but address and port_value
  const extra = at.fields().length > 2 || !at.has('port_value') || text === ''
  const compat = extra && (at.boolean('ipv4_compat') ?? false)
  const why = extra ? refusal(at) : undefined
  if (why !== undefined) return { target: { kind: 'invalid', why }, protocol, compat, divert: undefined }
  const unknown = extra ? at.fields().find((field) => !READ.has(field)) : undefined
  const address = parseIp(text)
  const scoped = address === undefined && isScoped(text)
  if (scoped) at.mark('address', 'diverted', 'an IPv6 address of one interface')
  const divert = scoped ? `the address ${text} of one interface` : unknown
  if (address === undefined)
    return { target: scoped ? { kind: 'none', why: divert ?? '' } : { kind: 'name', name: text, port }, protocol, compat, divert }
  if (compat && role === 'bound' && (isMapped(address) ? !text.includes(':') : !isAnyAddress(address))) {
    return {
      target: { kind: 'invalid', why: `${text} cannot have ipv4_compat: only :: and IPv4-mapped addresses can` },
      protocol,
      compat,
      divert,
    }
  }
  return { target: { kind: 'ip', address, port, text }, protocol, compat, divert }
}

/** an IPv6 address of one interface: fe80::1%eth0 */
function isScoped(text: string): boolean {
  const end = text.indexOf('%')
  return text.includes(':') && end > 0 && parseIp(text.slice(0, end)) !== undefined
}

function refusal(at: Cursor): string | undefined {
  const resolver = at.string('resolver_name') ?? ''
  if (!IP_RESOLVERS.has(resolver)) return `has the resolver "${resolver}", which Envoy does not have`
  if (at.oneof('port_specifier') === 'named_port') return `has the named port "${at.string('named_port')}"; Envoy takes port numbers only`
  return undefined
}
