/**
 * envoy.config.core.v3.CidrRange over addresses as text. In: its cursor; an address such as "10.0.0.7", with or without port. Out: whether the address is
 * inside; undefined where the address is not known. Source: Envoy's address.proto; IPv4 and IPv6 never meet.
 */
import type { Cursor } from '../input/cursor.ts'

export interface Cidr {
  readonly text: string
  readonly family: 4 | 6
  readonly address: bigint
  readonly bits: number
}

export function readCidr(at: Cursor | undefined): Cidr | undefined {
  const prefix = at?.string('address_prefix') ?? ''
  const address = parse(prefix)
  if (address === undefined) return undefined
  const bits = Math.min(at?.number('prefix_len') ?? 0, width(address.family))
  return { text: `${prefix}/${bits}`, ...address, bits }
}

export function contains(cidr: Cidr | undefined, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  const address = parse(withoutPort(text))
  if (address === undefined) return undefined
  if (cidr === undefined || address.family !== cidr.family) return false
  const shift = BigInt(width(cidr.family) - cidr.bits)
  return address.address >> shift === cidr.address >> shift
}

/** "10.0.0.7:80" -> "10.0.0.7", "[::1]:80" -> "::1" */
export function withoutPort(text: string): string {
  if (text.startsWith('[')) return text.slice(1, text.indexOf(']'))
  return text.indexOf(':') === text.lastIndexOf(':') ? (text.split(':')[0] ?? text) : text
}

/** of "10.0.0.7:80" or "[::1]:80" */
export function portOf(text: string | undefined): number | undefined {
  const found = /^(?:\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(text ?? '')
  return found === null ? undefined : Number(found[1])
}

function width(family: 4 | 6): number {
  return family === 4 ? 32 : 128
}

function parse(text: string): { readonly family: 4 | 6; readonly address: bigint } | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text))
    return { family: 4, address: text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) }
  if (!/^[0-9a-f:.]+$/i.test(text) || !text.includes(':')) return undefined
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  const plain = dotted === null ? text : `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}`
  const [head = '', tail] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = 8 - left.length - right.length
  if (gap < 0 || (tail === undefined && gap !== 0)) return undefined
  const groups = [...left, ...Array.from({ length: tail === undefined ? 0 : gap }, () => '0'), ...right]
  if (groups.length !== 8 || !groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return { family: 6, address: groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n) }
}

function hex(high: string | undefined, low: string | undefined): string {
  return ((Number(high) << 8) | Number(low)).toString(16)
}
