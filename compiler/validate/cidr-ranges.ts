/** Addresses that have to be numbers: ranges, and where sockets are bound. Envoy refuses others; a range that is too long for IPv4 it takes (tried). */
import { parseIp } from '../../proto/address/parse-ip.ts'
import { quote } from './quote.ts'
import type { Rule } from './rule.ts'

export const cidrRanges: Rule = {
  types: ['envoy.config.core.v3.CidrRange'],
  check(at, context) {
    const prefix = at.string('address_prefix') ?? ''
    // ranges of filter chain matches are read where the chains are
    if (prefix !== '' && !isAddress(prefix) && !at.path.includes('.filter_chain_match.'))
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

/** one of a single interface is an address too */
function isAddress(text: string): boolean {
  const end = text.includes(':') ? text.indexOf('%') : -1
  return parseIp(end < 0 ? text : text.slice(0, end)) !== undefined
}
