/**
 * IP addresses in the one form that the kernel tables hold: 16 bytes, IPv4 as ::ffff:a.b.c.d. In: such bytes. Out: which family, which wildcard.
 */

/** 0.0.0.0 */
export const ANY4: Uint8Array = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0)
/** :: */
export const ANY6: Uint8Array = new Uint8Array(16)
/** prefix bits in front of an IPv4 address */
export const MAPPED_BITS = 96

/** Whether it is an IPv4 address. */
export function isMapped(address: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false
  return address[10] === 0xff && address[11] === 0xff
}

/** 0.0.0.0 or :: */
export function isAnyAddress(address: Uint8Array): boolean {
  return address.every((byte, index) => byte === 0 || ((index === 10 || index === 11) && isMapped(address)))
}
