/**
 * Addresses and ports of sockets in the form of proto/abi.ts: 16 bytes, IPv4 as ::ffff:a.b.c.d. In: such bytes; out: a key to join on, or text.
 */
import { addressPortText } from '../proto/address/address-text.ts'

export interface SocketAddress {
  /** 16 bytes, IPv4-mapped or IPv6 */
  readonly address: Uint8Array
  /** host order */
  readonly port: number
}

/** Equal for equal places, different for different ones. Protocol: 6 or 17. */
export function placeKey(protocol: number, address: Uint8Array, port: number): string {
  return Buffer.from(address.buffer, address.byteOffset, 16).toString('latin1') + String.fromCharCode(protocol, port)
}

/** "10.0.0.1:80" or "[fd00::1]:80". */
export function placeText({ address, port }: SocketAddress): string {
  return addressPortText(address, port)
}
