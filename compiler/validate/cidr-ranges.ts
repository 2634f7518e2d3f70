/** Addresses that have to be numbers: ranges, where sockets are bound, and the additional ones of endpoints of a STATIC cluster. Envoy refuses others; a range that is too long for IPv4 it takes (tried). */
import { parseIp } from '../../proto/address/parse-ip.ts'
import { quote } from './quote.ts'
import type { Rule } from './rule.ts'

export const cidrRanges: Rule = {
  types: ['envoy.config.core.v3.CidrRange'],
  check(at, context) {
    const prefix = at.string('address_prefix') ?? ''
    // ranges of filter chain matches are read where the chains are; in a list of believed proxies Envoy leaves such a range out
    if (prefix !== '' && !isAddress(prefix) && !at.path.includes('.filter_chain_match.') && !at.path.includes('.xff_trusted_cidrs.'))
      context.refuse('KM2111', at.at('address_prefix'), `${quote(prefix)} is no IP address`)
  },
}

export const boundAddresses: Rule = {
  types: ['envoy.config.core.v3.BindConfig'],
  check(at, context) {
    const first = at.has('source_address') ? [at.message('source_address')] : []
    for (const source of [...first, ...at.messages('extra_source_addresses').map((extra) => extra.message('address'))]) {
      const address = source?.string('address') ?? ''
      if (source !== undefined && address !== '' && !isAddress(address) && (source.string('resolver_name') ?? '') === '')
        context.refuse('KM2111', source.at('address'), `${quote(address)} is no IP address`)
    }
  },
}

/** The first address of an endpoint is looked at where endpoints are read. */
export const additionalAddresses: Rule = {
  types: ['envoy.config.cluster.v3.Cluster'],
  check(at, context) {
    if (at.oneof('cluster_discovery_type') === 'cluster_type' || (at.enum('type') ?? 'STATIC') !== 'STATIC') return
    for (const locality of at.message('load_assignment')?.messages('endpoints') ?? [])
      for (const endpoint of locality.messages('lb_endpoints'))
        for (const additional of endpoint.message('endpoint')?.messages('additional_addresses') ?? []) {
          const socket = additional.message('address')?.message('socket_address')
          const address = socket?.string('address') ?? ''
          if (additional.message('address')?.oneof('address') === undefined)
            context.refuse('KM1309', additional.path, 'an additional address of an endpoint is empty')
          else if (socket !== undefined && !isAddress(address))
            context.refuse('KM1309', socket.at('address'), `the additional address ${quote(address)} is no IP address`)
        }
  },
}

/** one of a single interface is an address too */
function isAddress(text: string): boolean {
  const end = text.includes(':') ? text.indexOf('%') : -1
  return parseIp(end < 0 ? text : text.slice(0, end)) !== undefined
}
