/**
 * Addresses of clients: those in x-forwarded-for, and which of them are internal. In: texts. Out: addresses, a verdict. Without internal_address_config
 * Envoy takes no address as internal.
 * Source: Envoy's http/utility.cc (getLastAddressFromXFF) and http_connection_manager.proto (InternalAddressConfig).
 */
import type { Cursor } from '../input/cursor.ts'

export interface InternalAddresses {
  /** prefixes with their number of bits */
  readonly ranges: readonly { readonly prefix: bigint; readonly bits: number; readonly width: 32 | 128 }[]
}

/** `at`: an InternalAddressConfig */
export function readInternalAddresses(at: Cursor): InternalAddresses {
  return {
    ranges: at.messages('cidr_ranges').flatMap((range) => {
      const address = parseAddress(range.string('address_prefix') ?? '')
      if (address === undefined) return []
      const bits = Math.min(range.number('prefix_len') ?? 0, address.width)
      return [{ prefix: address.value >> BigInt(address.width - bits), bits, width: address.width }]
    }),
  }
}

export function isInternalAddress(internal: InternalAddresses | undefined, text: string): boolean {
  if (internal === undefined) return false
  const address = parseAddress(text)
  if (address === undefined) return false
  return internal.ranges.some(({ prefix, bits, width }) => width === address.width && address.value >> BigInt(width - bits) === prefix)
}

/** Every address of the header, in order; an invalid one ends what can be trusted, so that nothing is given. */
export function forwardedAddresses(header: string | undefined): readonly string[] {
  if (header === undefined) return []
  const parts = header.split(',').map((part) => part.trim())
  return parts.every((part) => parseAddress(part) !== undefined) ? parts : []
}

/** "10.0.0.7:80" -> "10.0.0.7", "[::1]:80" -> "::1" */
export function addressText(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  if (text.startsWith('[')) return text.slice(1, text.indexOf(']'))
  return text.indexOf(':') === text.lastIndexOf(':') ? text.split(':')[0] : text
}

/** the port of "10.0.0.7:80" */
export function portText(address: string | undefined): number | undefined {
  const port = address === undefined ? undefined : /:(\d+)$/.exec(address)?.[1]
  return port === undefined ? undefined : Number(port)
}

interface Address {
  readonly value: bigint
  readonly width: 32 | 128
}

function parseAddress(text: string): Address | undefined {
  const four = parseFour(text)
  if (four !== undefined) return { value: four, width: 32 }
  return text.includes(':') ? parseSix(text) : undefined
}

function parseFour(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return undefined
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)
}

function parseSix(text: string): Address | undefined {
  const [head = '', tail, more] = text.split('::')
  if (more !== undefined) return undefined
  const left = groups(head)
  const right = groups(tail ?? '')
  if (left === undefined || right === undefined) return undefined
  const missing = 8 - left.length - right.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const all = [...left, ...new Array<bigint>(missing).fill(0n), ...right]
  return { value: all.reduce((sum, group) => (sum << 16n) | group, 0n), width: 128 }
}

function groups(text: string): readonly bigint[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const last = parseFour(parts.at(-1) ?? '')
  const plain = last === undefined ? parts : parts.slice(0, -1)
  if (!plain.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return undefined
  const values = plain.map((part) => BigInt(`0x${part}`))
  return last === undefined ? values : [...values, last >> 16n, last & 0xffffn]
}
