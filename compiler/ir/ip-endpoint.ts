/**
 * An endpoint of a Balance, in little memory: a snapshot may have a million. In: an address as text, and what is said of it. Out: an Endpoint; address and the usual
 * text to be hashed are made when somebody asks. Invariant: `text` is an IP address.
 * Source: Envoy hashes and writes IPv4 as it was given, which is its only spelling; an IPv4-mapped address stays IPv6.
 */
import { addressPortText, addressText } from '../../proto/address/address-text.ts'
import { isMapped } from '../../proto/address/mapped.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import type { Endpoint } from './program.ts'

export class IpEndpoint implements Endpoint {
  readonly text: string
  readonly port: number
  readonly weight: number
  readonly health: Endpoint['health']
  private readonly ownKey: string | undefined

  /** `ownKey`: what is hashed instead of address and port */
  constructor(text: string, port: number, weight: number, health: Endpoint['health'], ownKey: string | undefined) {
    this.text = text
    this.port = port
    this.weight = weight
    this.health = health
    this.ownKey = ownKey
  }

  get address(): Uint8Array {
    return parseIp(this.text) as Uint8Array
  }

  get hashKey(): string {
    return this.ownKey ?? placeText(this.text, this.port)
  }
}

/** An address with its port, as Envoy writes and hashes it. */
export function placeText(text: string, port: number): string {
  if (!text.includes(':')) return `${text}:${port}`
  const address = parseIp(text) as Uint8Array
  return isMapped(address) ? `[::ffff:${addressText(address)}]:${port}` : addressPortText(address, port)
}
