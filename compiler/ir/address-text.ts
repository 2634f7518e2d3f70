/**
 * Addresses for people. In: 16 bytes, IPv4 as ::ffff:a.b.c.d. Out: the text that Envoy (inet_ntop) and RFC 5952 write.
 */
import type { ListenerKey } from './program.ts'

export function isMapped(address: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false
  return address[10] === 0xff && address[11] === 0xff
}

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

/** "*" is the catch-all of IPv4, "[*]" that of IPv6 */
export function keyText(key: ListenerKey): string {
  switch (key.kind) {
    case 'exact':
      return addressPortText(key.address, key.port)
    case 'any4':
      return `0.0.0.0:${key.port}`
    case 'any6':
      return `[::]:${key.port}`
    case 'catch_all':
      return key.family === 'v4' ? '*' : '[*]'
  }
}

/** "10.0.0.0/8" or "fd00::/8" */
export function prefixText(prefix: { readonly address: Uint8Array; readonly bits: number }): string {
  return isMapped(prefix.address) && prefix.bits >= 96
    ? `${addressText(prefix.address)}/${prefix.bits - 96}`
    : `${addressText(prefix.address)}/${prefix.bits}`
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
