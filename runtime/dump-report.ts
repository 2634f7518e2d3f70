/** What `dump` tells of an instance (proto/dump.schema.json). Types only. */

export type DumpedAction =
  | { readonly kind: 'cluster'; readonly cluster: string; readonly hash?: string }
  | {
      readonly kind: 'weighted'
      readonly clusters: readonly { readonly cluster: string; readonly weight: number }[]
      readonly hash?: string
    }
  /** routed request by request */
  | { readonly kind: 'requests' }
  | { readonly kind: 'pass' }
  | { readonly kind: 'refuse' | 'divert'; readonly reason: string }

export interface DumpedMatch {
  /** destination port; absent: any */
  readonly port?: number
  /** "10.0.0.0/8" */
  readonly prefix: string
  readonly action: DumpedAction
}

export interface DumpedListener {
  /** "10.0.0.1:80", "0.0.0.0:80", "*" for the catch-all */
  readonly address: string
  readonly protocol: 'tcp' | 'udp'
  readonly listener: string
  readonly action: DumpedAction
  /** filter chains that are told apart by address; `action` is then what remains */
  readonly matches: readonly DumpedMatch[]
}

export interface DumpedGroup {
  readonly weight: number
  readonly endpoints: readonly { readonly address: string; readonly weight: number }[]
}

export interface DumpedTier {
  /** share of the load in percent */
  readonly percent: number
  /** entries of the hash table of RING_HASH and MAGLEV */
  readonly tableEntries?: number
  readonly groups: readonly DumpedGroup[]
}

export interface DumpedCluster {
  readonly name: string
  readonly policy: string
  readonly maxConnections: number
  readonly refused?: string
  readonly tiers: readonly DumpedTier[]
}

export interface DumpReport {
  readonly instance: string
  readonly generation: number
  readonly artifact: string
  readonly listeners: readonly DumpedListener[]
  readonly clusters: readonly DumpedCluster[]
}
