/**
 * The contract of one load-balancing policy: what it reads, what it means, how it lowers. In: types of input/, ir/ and diag/. Out: types only.
 * Each policy is one file that exports one `BalancePolicy`; table.ts is the list.
 */
import type { PolicyName } from '../../proto/abi.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'
import type { Balance, Endpoint, Policy } from '../ir/program.ts'

export type PolicyOf<Name extends PolicyName> = Extract<Policy, { readonly name: Name }>

/** A number that the bootstrap's runtime has under a key; undefined where it has none. */
export type RuntimeNumber = (key: string) => number | undefined

export interface BalancePolicy<Name extends PolicyName> {
  readonly kind: Name
  /** full name of its message under load_balancing_policy */
  readonly type: string
  /** `lb_policy` with the cluster's own config of it; `cluster` is an envoy.config.cluster.v3.Cluster */
  readonly readLegacy: (cluster: Cursor, diag: Diagnostics, runtime: RuntimeNumber) => PolicyReading
  /** the message named by `type` */
  readonly readTyped: (config: Cursor, diag: Diagnostics, runtime: RuntimeNumber) => PolicyReading
  /** Who is met, and how often. `hash` is what hash_policy made of this connection; undefined: random. */
  readonly eval: (policy: PolicyOf<Name>, balance: Balance, hash: bigint | undefined) => Shares
  readonly lower: (policy: PolicyOf<Name>, balance: Balance) => PolicyLayout
}

export type PolicyReading =
  | {
      readonly policy: Policy
      /** localities share by their weights */
      readonly localityWeighted: boolean
      /** refuse in panic instead of spreading over all endpoints */
      readonly failTrafficOnPanic: boolean
      /** RING_HASH and MAGLEV hash the endpoint's host name where it has no hash_key metadata */
      readonly useHostnameForHashing: boolean
    }
  /** `reported`: an error about it is in the diagnostics already */
  | { readonly unsupported: string; readonly reported?: true }

export interface Shares {
  /** probability by endpoint (the object in the Balance); sums to 1 with `refused`. Endpoints that are never met are left out. */
  readonly shares: ReadonlyMap<Endpoint, number>
  /** probability that nobody is found and the connection is refused with no_endpoint */
  readonly refused: number
  /** set when the order is fixed: any `cycle` choices in a row meet each endpoint exactly share * cycle times */
  readonly even?: { readonly cycle: number }
}

/** A policy over one Balance as lists and tables; lower.ts writes it as rows. */
export interface PolicyLayout {
  readonly tiers: readonly LayoutTier[]
  /** groups need a cursor of their own */
  readonly cursors: boolean
  readonly choiceCount: number
  /** CLUSTER_* of proto/abi.ts */
  readonly flags: number
  /** LEAST_REQUEST: 256 factors (proto/abi.ts km_slots) */
  readonly factors?: Uint32Array
}

export interface LayoutTier {
  /** names the host source; tiers of one key have the same groups and table, and share rows and cursors */
  readonly key: string
  /** percent, cumulative */
  readonly upto: number
  /** empty: nobody may be chosen */
  readonly groups: readonly LayoutGroup[]
  readonly table?: HashTable
}

export interface LayoutGroup {
  readonly key: string
  readonly weight: number
  readonly endpoints: readonly Endpoint[]
  /** by endpoint; absent: all equal */
  readonly weights?: readonly number[]
}

/** Entries are indices into the endpoints of the tier's one group. */
export type HashTable =
  /** ordered by hash, the u64 in two halves */
  | { readonly kind: 'ring'; readonly high: Uint32Array; readonly low: Uint32Array; readonly index: Uint32Array }
  | { readonly kind: 'maglev'; readonly index: Uint32Array }
