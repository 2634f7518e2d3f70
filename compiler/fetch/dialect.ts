/**
 * The two ways in which xDS is spoken over one aggregated stream. Types: a dialect opens sessions, one a stream; a session turns subscriptions into
 * requests and responses into arrivals. Invariant: a session does no IO and decides nothing about resources.
 */
import type { Collection } from './collection.ts'
import type { Arrival } from './judge.ts'
import type { KindEntry } from './kinds.ts'
import type { DeltaDiscoveryRequest, DiscoveryRequest, Node, RequestName } from './messages.ts'

export interface Received {
  readonly entry: KindEntry
  readonly version: string
  readonly nonce: string
  readonly extent: 'whole' | 'part'
  readonly arrivals: readonly Arrival[]
  readonly removed: readonly string[]
}

export interface Session {
  /** the requests that tell the server what is subscribed now; none when it knows */
  sync(): readonly (DiscoveryRequest | DeltaDiscoveryRequest)[]
  /** undefined for a type that nobody asked for. Throws when the bytes are no response. */
  read(bytes: Uint8Array): Received | undefined
  accept(received: Received): DiscoveryRequest | DeltaDiscoveryRequest
  refuse(received: Received, reason: string): DiscoveryRequest | DeltaDiscoveryRequest
}

export interface Dialect {
  /** the full name of the method */
  readonly method: string
  readonly request: RequestName
  /** `accepted`: the last accepted version of each kind, kept from stream to stream */
  open(collection: Collection, node: Node, accepted: Map<string, string>): Session
}

/** google.rpc.Code: what Envoy gives when it refuses a configuration is INTERNAL. */
export const INTERNAL = 13
