/**
 * Which addresses an instance governs, to tell from a live socket whether it was decided here: a socket that was has an endpoint as its peer.
 * In: listener keys and endpoints; out: a predicate. Invariant: an address that is also an endpoint is never called governed, because such a
 * peer may be the choice itself (headless services, listeners on a pod's own address); the catch-all governs nothing.
 */
import { placeKey, type SocketAddress } from './socket-address.ts'
import { ANY4, ANY6, isMapped } from '../proto/address/mapped.ts'
import { PROTOCOL_NUMBERS, type Protocol } from './sys/socket-diag.ts'

export interface GovernedPlace extends SocketAddress {
  readonly protocol: Protocol
}

export interface GovernedAddresses {
  /** Whether a connection to this peer was never decided by the instance. */
  governs(protocol: Protocol, address: Uint8Array, port: number): boolean
  /** What the instance itself remembers of a socket (decided-socket.ts), by a descriptor of it; where given, it has the last word. */
  readonly decided?: (descriptor: number) => 'yes' | 'no'
}

/** `listeners`: the keys whose connections are rewritten or refused, not those that pass; wildcards as in km_listener_key (any4 or any6 with a port). */
export function governedAddresses(listeners: Iterable<GovernedPlace>, endpoints: Iterable<SocketAddress>): GovernedAddresses {
  const keys = new Set<string>()
  for (const { protocol, address, port } of listeners) if (port !== 0) keys.add(placeKey(PROTOCOL_NUMBERS[protocol], address, port))
  const chosen = new Set<string>()
  for (const { address, port } of endpoints) chosen.add(placeKey(0, address, port))
  return {
    governs: (protocol, address, port) => {
      const number = PROTOCOL_NUMBERS[protocol]
      const wildcard = isMapped(address) ? ANY4 : ANY6
      if (!keys.has(placeKey(number, address, port)) && !keys.has(placeKey(number, wildcard, port))) return false
      return !chosen.has(placeKey(0, address, port))
    },
  }
}
