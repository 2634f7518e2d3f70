/** Addresses in the one form the kernel tables hold: 16 bytes, IPv4 as ::ffff:a.b.c.d. In: bytes. Out: those bytes' wildcards and texts. */

export const ANY4 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0)
export const ANY6 = new Uint8Array(16)
/** Prefix bits in front of an IPv4 address in mapped form. */
export const MAPPED_BITS = 96

export function isMapped(address: Uint8Array): boolean {
  return ANY4.subarray(0, 12).every((byte, index) => address[index] === byte)
}

/** Text as people write it; IPv6 compressed as RFC 5952 asks. */
export function addressText(address: Uint8Array): string {
  if (isMapped(address)) return address.subarray(12).join('.')
  const groups = Array.from({ length: 8 }, (_, index) => ((address[index * 2] as number) << 8) | (address[index * 2 + 1] as number))
  const run = longestZeroRun(groups)
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  if (run.length < 2) return hex(groups)
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`
}

/** "1.2.3.4:80" or "[::1]:80". */
export function addressPortText(address: Uint8Array, port: number): string {
  return isMapped(address) ? `${addressText(address)}:${port}` : `[${addressText(address)}]:${port}`
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
