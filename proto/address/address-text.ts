/**
 * Addresses for people. In: 16 bytes, IPv4 as ::ffff:a.b.c.d. Out: the text that inet_ntop, and so Envoy, writes: IPv6 shortened as RFC 5952 asks.
 */
import { isMapped, MAPPED_BITS } from './mapped.ts'

/** "10.0.0.1" or "fd00::1" */
export function addressText(address: Uint8Array): string {
  if (isMapped(address)) return `${address[12]}.${address[13]}.${address[14]}.${address[15]}`
  const groups = Array.from({ length: 8 }, (_, index) => ((address[index * 2] as number) << 8) | (address[index * 2 + 1] as number))
  const run = longestZeroRun(groups)
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  if (run.length < 2) return hex(groups)
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`
}

/** "1.2.3.4:80" or "[::1]:80" */
export function addressPortText(address: Uint8Array, port: number): string {
  return isMapped(address) ? `${addressText(address)}:${port}` : `[${addressText(address)}]:${port}`
}

/** "10.0.0.0/8" or "fd00::/8" */
export function prefixText({ address, bits }: { readonly address: Uint8Array; readonly bits: number }): string {
  return `${addressText(address)}/${isMapped(address) && bits >= MAPPED_BITS ? bits - MAPPED_BITS : bits}`
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}
