/**
 * IP addresses as text and as the one form that the kernel tables hold: 16 bytes, IPv4 as ::ffff:a.b.c.d.
 * In: text of a snapshot or an option. Out: bytes, or undefined where the text is no address (a host name, a prefix, a scoped address).
 */
import { isIPv6 } from 'node:net'

export function parseIp(text: string): Uint8Array | undefined {
  return parseIpv4(text) ?? parseIpv6(text)
}

const ADDRESS = 16
const POOLED = 1024
let pool = new ArrayBuffer(0)
let taken = 0

/** Sixteen zeros. A snapshot has a hundred thousand addresses: they share memory, for a buffer of its own is larger than the address. */
function zeros(): Uint8Array {
  if (taken + ADDRESS > pool.byteLength) {
    pool = new ArrayBuffer(POOLED * ADDRESS)
    taken = 0
  }
  const bytes = new Uint8Array(pool, taken, ADDRESS)
  taken += ADDRESS
  return bytes
}

const ZERO = 48
const DOT = 46

function parseIpv4(text: string): Uint8Array | undefined {
  const { length } = text
  if (length < 7 || length > 15) return undefined
  let packed = 0
  let dots = 0
  let value = 0
  let digits = 0
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (digits === 0 || dots === 3) return undefined
      packed = packed * 256 + value
      dots++
      value = 0
      digits = 0
      continue
    }
    const digit = code - ZERO
    if (digit < 0 || digit > 9 || (digits > 0 && value === 0)) return undefined
    value = value * 10 + digit
    digits++
    if (value > 255) return undefined
  }
  if (digits === 0 || dots !== 3) return undefined
  const bytes = zeros()
  bytes.fill(0xff, 10, 12)
  for (let at = 15, rest = packed * 256 + value; at > 11; at--, rest = Math.floor(rest / 256)) bytes[at] = rest % 256
  return bytes
}

function parseIpv6(text: string): Uint8Array | undefined {
  if (text.includes('%') || !isIPv6(text)) return undefined
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const tail = dotted ? parseIpv4(dotted[2] as string) : undefined
  const hex = dotted && tail ? `${dotted[1]}${word(tail, 12)}:${word(tail, 14)}` : text
  const [head = '', rest] = hex.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = rest === undefined || rest === '' ? [] : rest.split(':')
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  const bytes = zeros()
  for (const [index, group] of groups.entries()) {
    const value = Number.parseInt(group, 16)
    bytes[index * 2] = value >> 8
    bytes[index * 2 + 1] = value & 0xff
  }
  return bytes
}

function word(bytes: Uint8Array, at: number): string {
  return (((bytes[at] as number) << 8) | (bytes[at + 1] as number)).toString(16)
}
