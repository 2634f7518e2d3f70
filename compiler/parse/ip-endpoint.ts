/**
 * An endpoint with an IP address, in little memory: a snapshot may have a million. In: what its message says. Out: an LbEndpoint; the address is made of its text
 * when somebody asks, because its sixteen bytes are an object larger than all the rest. Invariant: `text` is an IP address.
 */
import { parseIp } from '../../proto/address/parse-ip.ts'
import type { LbEndpoint, Target } from './resources.ts'

export class IpEndpoint implements LbEndpoint {
  readonly text: string
  readonly port: number
  readonly weight: number
  readonly health: LbEndpoint['health']
  readonly hostname: string
  readonly hashKey: string
  readonly labels: LbEndpoint['labels']
  readonly lb: LbEndpoint['lb']

  constructor(
    place: Extract<Target, { readonly kind: 'ip' }>,
    { weight, health, hostname, hashKey, labels, lb }: Omit<LbEndpoint, 'target'>,
  ) {
    this.text = place.text
    this.port = place.port
    this.weight = weight
    this.health = health
    this.hostname = hostname
    this.hashKey = hashKey
    this.labels = labels
    this.lb = lb
  }

  get target(): Target {
    const { text, port } = this
    return { kind: 'ip', address: parseIp(text) as Uint8Array, port, text }
  }
}
