/**
 * Addresses of clients: those in x-forwarded-for, and which of them are internal. In: texts. Out: addresses, a verdict. Without internal_address_config
 * Envoy takes no address as internal, with one that names no ranges those of private networks.
 * Source: Envoy's http/utility.cc (getLastAddressFromXFF) and http_connection_manager.proto (InternalAddressConfig).
 */
import { addressText as canonicalText } from '../../proto/address/address-text.ts'
import { isMapped } from '../../proto/address/mapped.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import type { Cursor } from '../input/cursor.ts'

export interface InternalAddresses {
  /** prefixes with their number of bits */
  readonly ranges: readonly { readonly prefix: bigint; readonly bits: number; readonly width: 32 | 128 }[]
}

/** `at`: an InternalAddressConfig */
export function readInternalAddresses(at: Cursor): InternalAddresses {
  const ranges = at.messages('cidr_ranges')
  return ranges.length === 0 ? PRIVATE : readRanges(ranges)
}

/** `ranges`: CidrRanges */
export function readRanges(ranges: readonly Cursor[]): InternalAddresses {
  return {
    ranges: ranges.flatMap((range) => {
      const address = parseAddress(range.string('address_prefix') ?? '')
      if (address === undefined) return []
      const bits = Math.min(range.number('prefix_len') ?? 0, address.width)
      return [rangeOf(address, bits)]
    }),
  }
}

function rangeOf({ value, width }: Address, bits: number): InternalAddresses['ranges'][number] {
  return { prefix: value >> BigInt(width - bits), bits, width }
}

export function isInternalAddress(internal: InternalAddresses | undefined, text: string): boolean {
  if (internal === undefined) return false
  const address = parseAddress(text)
  if (address === undefined) return false
  return internal.ranges.some(({ prefix, bits, width }) => width === address.width && address.value >> BigInt(width - bits) === prefix)
}

export interface Forwarded {
  readonly address: string
  /** it is all there is in the header */
  readonly single: boolean
}

/** The address of x-forwarded-for that `hops` others stand behind; undefined where no address stands there. */
export function forwardedAddress(header: string | undefined, hops: number): Forwarded | undefined {
  if (header === undefined) return undefined
  const parts = header.split(',')
  const last = parts.length - 1 - hops
  const part = parts[last]
  // behind a comma nothing is no part: then it is the whole
  const address = part === '' && last > 0 ? undefined : part?.trim()
  const known = address === undefined ? undefined : canonicalAddress(address)
  return known === undefined ? undefined : { address: known, single: parts.length === 1 && hops === 0 }
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

/** as inet_ntop writes it; undefined: it is no address */
export function canonicalAddress(text: string): string | undefined {
  if (parseAddress(text) === undefined) return undefined
  const bytes = text.includes(':') ? parseIp(text.replace(SCOPE, '')) : undefined
  return bytes === undefined || isMapped(bytes) ? text.toLowerCase() : canonicalText(bytes)
}

/** of a link: an interface */
const SCOPE = /%[0-9A-Za-z]+$/

interface Address {
  readonly value: bigint
  readonly width: 32 | 128
}

function parseAddress(text: string): Address | undefined {
  const four = parseFour(text)
  if (four !== undefined) return { value: four, width: 32 }
  return text.includes(':') ? parseSix(text.replace(SCOPE, '')) : undefined
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

/** with an internal_address_config that names no ranges (tried) */
const PRIVATE: InternalAddresses = {
  ranges: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.1/32', 'fd00::/8', '::1/128'].flatMap((text) => {
    const [prefix = '', bits] = text.split('/')
    const address = parseAddress(prefix)
    return address === undefined ? [] : [rangeOf(address, Number(bits))]
  }),
}
