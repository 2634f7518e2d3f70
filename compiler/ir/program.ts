/**
 * The meaning of a snapshot at layer 4, with names resolved to references and Envoy's order kept.
 * In: Resources (ir/toProgram.ts). Out: plain readonly data with a stable printer (ir/print.ts). `ir/eval.ts` is what it means.
 */
import type { ReasonName } from '../../proto/abi.ts'
import type { ConnectionManager } from '../http/connection-manager.ts'
import type { HttpFilterEntry, RouteConfiguration } from '../http/model.ts'
import type { Undone } from '../http/undone.ts'

export interface Program {
  /** Governing listeners, ordered by name. */
  readonly listeners: readonly Listener[]
  /** All clusters of the snapshot, ordered by name, then the subsets that are met; `ClusterRef` is an index into this list. */
  readonly clusters: readonly Cluster[]
  /** HTTP connection managers that govern something, in the order of their listeners; `Action.service` is an index into this list. */
  readonly services: readonly HttpService[]
}

/** As the http_inspector names them. */
export type HttpProtocol = 'http/1.0' | 'http/1.1' | 'h2c'

/** One HTTP connection manager with its routes. */
export interface HttpService {
  /** of the connection manager, e.g. lds["a"].filter_chains[0].filters[0].typed_config */
  readonly path: string
  readonly listener: string
  readonly manager: ConnectionManager
  readonly routes: RouteConfiguration
  /** in front of the router */
  readonly filters: readonly HttpFilterEntry[]
  /** xDS path of this connection manager, a virtual host or a route -> what the kernel does not do there, whatever else it says */
  readonly undone: ReadonlyMap<string, Undone>
  /** different host names of the endpoints of each cluster that a route with auto_host_rewrite names; '' is that of an endpoint that has none */
  readonly hostNames: ReadonlyMap<string, readonly string[]>
  /** HTTP2: its clients speak nothing else */
  readonly codec?: 'HTTP2'
  /** the first bytes choose: plain HTTP of these protocols comes here, all else (TLS, silence) to `otherwise`; undefined: nobody looks, the codec refuses */
  readonly sniffed?: { readonly protocols: readonly HttpProtocol[]; readonly otherwise: Action }
}

export type ClusterRef = number
export type Protocol = 'tcp' | 'udp'

export interface Listener {
  readonly name: string
  readonly path: string
  readonly protocol: Protocol
  /** Addresses that a client dials to meet this listener. Each key belongs to at most one listener. */
  readonly keys: readonly ListenerKey[]
  readonly chains: readonly FilterChain[]
  /** What happens when no chain matches: the default filter chain, or `refuse` with no_filter_chain. */
  readonly fallback: Action
}

export type ListenerKey =
  | { readonly kind: 'exact'; readonly address: Uint8Array; readonly port: number }
  | { readonly kind: 'any4'; readonly port: number }
  | { readonly kind: 'any6'; readonly port: number }
  /** use_original_dst: everything of this family that no other listener claims (Kuma has one listener for each family). */
  | { readonly kind: 'catch_all'; readonly family: 'v4' | 'v6' }

export interface FilterChain {
  readonly path: string
  /** filter_chain_match.destination_port; Envoy looks at it first. */
  readonly destinationPort?: number
  /** filter_chain_match.prefix_ranges, longest prefix wins; empty: any. Addresses are 16 bytes, v4 mapped; `bits` counts in that form (0..128). */
  readonly prefixes: readonly { readonly address: Uint8Array; readonly bits: number }[]
  readonly action: Action
}

export type Action =
  | { readonly kind: 'cluster'; readonly path: string; readonly cluster: ClusterRef; readonly hash: HashPolicy }
  /** `cluster` null: not in the snapshot, that share is refused with unknown_cluster */
  | {
      readonly kind: 'weighted'
      readonly path: string
      readonly clusters: readonly { readonly cluster: ClusterRef | null; readonly weight: number }[]
      readonly hash: HashPolicy
    }
  | { readonly kind: 'refuse'; readonly path: string; readonly reason: ReasonName }
  /** requests are routed one by one */
  | { readonly kind: 'http'; readonly path: string; readonly service: number }
  /** needs a slow path; `why` is for people, e.g. "http_connection_manager" */
  | { readonly kind: 'divert'; readonly path: string; readonly why: string }

export interface Cluster {
  readonly name: string
  readonly path: string
  readonly target:
    | { readonly kind: 'balance'; readonly balance: Balance }
    /** ORIGINAL_DST: the connection is left alone. */
    | { readonly kind: 'original_dst' }
    /** every connection is refused with the reason */
    | { readonly kind: 'refuse'; readonly reason: ReasonName; readonly why: string }
  /** circuit_breakers.thresholds[DEFAULT].max_connections; Envoy's default is 1,024. */
  readonly maxConnections: number
  /** its endpoints take requests over HTTP/2 or HTTP/3 only */
  readonly http2?: true
  /** criteria choose among its endpoints */
  readonly subsets?: true
  /** it is a subset of the endpoints of another one, with which it shares limits and counts */
  readonly subset?: { readonly of: string; readonly criteria: string }
}

export interface Balance {
  readonly policy: Policy
  /** Ascending, gaps kept as empty priorities, as in Envoy's priority set. */
  readonly priorities: readonly Priority[]
  /** percent, 140 by default (ClusterLoadAssignment.policy.overprovisioning_factor) */
  readonly overprovisioningFactor: number
  /** percent, 50 by default (common_lb_config.healthy_panic_threshold) */
  readonly panicThreshold: number
  /** common_lb_config.zone_aware_lb_config.fail_traffic_on_panic */
  readonly failTrafficOnPanic: boolean
  /** locality weights count: common_lb_config.locality_weighted_lb_config, or the policy's own locality_lb_config, or wrr_locality */
  readonly localityWeighted: boolean
  /** ClusterLoadAssignment.policy.weighted_priority_health */
  readonly weightedPriorityHealth: boolean
}

export interface Priority {
  readonly localities: readonly Locality[]
}

export interface Locality {
  readonly region: string
  readonly zone: string
  readonly subZone: string
  /** 0: not set, receives no load when locality weighted */
  readonly weight: number
  readonly endpoints: readonly Endpoint[]
}

/** `draining` is as unhealthy as `unhealthy`, but does not count where the healthy ones are compared with all. */
export type Health = 'healthy' | 'degraded' | 'unhealthy' | 'draining'

export interface Endpoint {
  /** 16 bytes, IPv4-mapped or IPv6. */
  readonly address: Uint8Array
  readonly port: number
  readonly weight: number
  readonly health: Health
  /** Text that RING_HASH and MAGLEV hash: Envoy's "ip:port" / "[v6]:port", metadata hash_key, or hostname. */
  readonly hashKey: string
}

export type Policy =
  /** `equalWeights`: endpoints count the same, whatever their weight (client_side_weighted_round_robin without load reports) */
  | { readonly name: 'ROUND_ROBIN'; readonly equalWeights?: true }
  | { readonly name: 'RANDOM' }
  | { readonly name: 'LEAST_REQUEST'; readonly choiceCount: number; readonly activeRequestBias: number; readonly fullScan: boolean }
  | {
      readonly name: 'RING_HASH'
      readonly minimumRingSize: number
      readonly maximumRingSize: number
      readonly hashFunction: 'XX_HASH' | 'MURMUR_HASH_2'
    }
  | { readonly name: 'MAGLEV'; readonly tableSize: number }

/** What tcp_proxy / udp_proxy hash_policy names; `none`: RING_HASH and MAGLEV hash a random number. */
export type HashPolicy = { readonly kind: 'none' } | { readonly kind: 'source_ip' } | { readonly kind: 'key'; readonly key: string }
