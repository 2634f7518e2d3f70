/**
 * Parts of paths and addresses, as commands of substitution formats show them. In and out: texts; undefined where there is nothing to show.
 * Source: Envoy's source/common/formatter/{http_specific_formatter,stream_info_formatter}.cc.
 */
import { prefixText } from '../../proto/address/address-text.ts'
import { isMapped, MAPPED_BITS } from '../../proto/address/mapped.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import { bytesOf, textOf } from '../match/byte-text.ts'

/** the first value of a query parameter, percent-decoded as its name is */
export function queryParameter(name: string, path: string): string | undefined {
  for (const part of queryOf(path).split('&')) {
    const equals = part.indexOf('=')
    if (decoded(equals < 0 ? part : part.slice(0, equals)) === name) return equals < 0 ? '' : decoded(part.slice(equals + 1))
  }
  return undefined
}

/** An escape that is none stays. */
function decoded(text: string): string {
  return text.includes('%')
    ? textOf(bytesOf(text).replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))))
    : text
}

/**
 * Escapes of characters that a query may hold are undone, other ones stay; of what is no escape the "%" goes, but for one too near to the end to be any.
 * Source: Envoy's http/utility.cc (PercentEncoding::urlDecodeQueryParameter); tried.
 */
export function decodedQuery(query: string): string {
  return query.replace(/%(?=..)([0-9a-fA-F]{2})?/g, (whole, hex: string | undefined) => {
    if (hex === undefined) return ''
    const char = String.fromCharCode(Number.parseInt(hex, 16))
    return /[!#-;=?-[\]_`a-z~]/.test(char) ? char : whole
  })
}

/**
 * The prefix of an address, as "10.1.0.0/16". `text`: the number of its bits; more than there are mean all, what is no number masks nothing, a negative one leaves nothing.
 * Source: tried on Envoy 1.40.
 */
export function maskedAddress(address: string, text: string): string {
  const digits = /^\s*([+-]?\d+)\s*$/.exec(text)?.[1]
  const bytes = digits === undefined ? undefined : parseIp(address)
  if (digits === undefined || bytes === undefined) return address
  const first = isMapped(bytes) ? MAPPED_BITS : 0
  const bits = Math.min(first + Number(digits), bytes.length * 8)
  if (bits < first) return ''
  return prefixText({ address: bytes.map((byte, at) => byte & ~(0xff >> Math.max(0, Math.min(8, bits - at * 8)))), bits })
}

/** what follows the "?", '' when nothing does */
export function queryOf(path: string): string {
  const mark = path.indexOf('?')
  return mark < 0 ? '' : path.slice(mark + 1)
}

export function withoutQuery(path: string | undefined): string | undefined {
  const mark = path?.indexOf('?') ?? -1
  return path === undefined || mark < 0 ? path : path.slice(0, mark)
}

/** of "1.2.3.4:80", "1.2.3.4" or "[::1]:80"; the port that is not given is 0 */
export function addressPart(text: string, part: 'both' | 'address' | 'port'): string {
  const colon = text.startsWith('[') ? text.indexOf(']:') + 1 : text.indexOf(':') === text.lastIndexOf(':') ? text.indexOf(':') : -1
  const address = colon > 0 ? text.slice(0, colon) : text
  const port = colon > 0 ? text.slice(colon + 1) : '0'
  if (part === 'port') return port
  if (part === 'address') return address.replace(/^\[(.*)\]$/, '$1')
  return `${address.includes(':') && !address.startsWith('[') ? `[${address}]` : address}:${port}`
}
