/**
 * Addresses and ports of sockets in the form of proto/abi.ts: 16 bytes, IPv4 as ::ffff:a.b.c.d. In: such bytes; out: a key to join on, or text.
 */
import { isIPv4, isIPv6 } from 'node:net'

export interface SocketAddress {
  /** 16 bytes, IPv4-mapped or IPv6 */
  readonly address: Uint8Array
  /** host order */
  readonly port: number
}

export const UNSPECIFIED_ADDRESS: Uint8Array = new Uint8Array(16)

export function isMapped(address: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false
  return address[10] === 255 && address[11] === 255
}

/** Equal for equal places, different for different ones. Protocol: 6 or 17. */
export function placeKey(protocol: number, address: Uint8Array, port: number): string {
  return Buffer.from(address.buffer, address.byteOffset, 16).toString('latin1') + String.fromCharCode(protocol, port)
}

/** "10.0.0.1:80" or "[fd00::1]:80". */
export function placeText({ address, port }: SocketAddress): string {
  return isMapped(address) ? `${addressText(address)}:${port}` : `[${addressText(address)}]:${port}`
}

/** "10.0.0.1" or "fd00::1" (the longest run of zeros shortened, RFC 5952). */
export function addressText(address: Uint8Array): string {
  if (isMapped(address)) return address.subarray(12, 16).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => ((address[2 * i] as number) << 8) | (address[2 * i + 1] as number))
  let best = { start: 0, length: 1 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  return best.length < 2 ? hex(groups) : `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`
}

/** 16 bytes of an address as people write it; undefined when it is none. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...text.split('.').map(Number)])
  if (!isIPv6(text) || text.includes('%')) return undefined
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const [, head = '', tail = '0.0.0.0'] = dotted ?? []
  const [a, b, c, d] = tail.split('.').map(Number) as [number, number, number, number]
  const plain = dotted === null ? text : `${head}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  const [left = '', right] = plain.split('::')
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))
  const first = groups(left)
  const last = right === undefined ? [] : groups(right)
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 255]))
}
