/**
 * Resources: what a snapshot says, typed and readonly, with every set field accounted for. In: cursors (parse/*.ts). Out: plain data for ir/.
 * Names are still names here; nothing is resolved and nobody has decided whose listener it is.
 */
import type { ReasonName } from '../../proto/abi.ts'
import type { Criteria } from '../http/subset-criteria.ts'
import type { Endpoint, HashPolicy, Policy, Protocol } from '../ir/program.ts'

export interface Resources {
  readonly listeners: readonly Listener[]
  readonly clusters: readonly Cluster[]
  /** ClusterLoadAssignments that came on their own (EDS), by cluster_name */
  readonly assignments: AssignmentSource
  readonly routeConfigurations: readonly RouteConfiguration[]
  /** a listener with use_original_dst exists: connections are redirected to the proxy, whatever their address */
  readonly redirected: boolean
  /** the node's own addresses (`--address`), 16 bytes each: what wildcard listeners stand for where nothing redirects */
  readonly addresses: readonly Uint8Array[]
  /** host name (lower case, no trailing dot) -> addresses, 16 bytes each */
  readonly resolve: ReadonlyMap<string, readonly Uint8Array[]>
  /** labels of `--plaintext-to`: their servers take plain text too */
  readonly plaintextTo: ReadonlySet<string>
}

/** Why something cannot be done in the kernel. */
export interface Divert {
  readonly path: string
  /** for people, e.g. "http_connection_manager" */
  readonly why: string
}

// ---------------------------------------------------------------- listeners

export interface Listener {
  readonly name: string
  readonly path: string
  readonly protocol: Protocol
  /** the primary address first, then additional_addresses; without those that nobody can dial */
  readonly addresses: readonly ListenAddress[]
  readonly direction: 'INBOUND' | 'OUTBOUND' | 'UNSPECIFIED'
  readonly bindToPort: boolean
  readonly useOriginalDst: boolean
  /** bytes of the client are looked at before a chain is chosen: they set transport protocol, server name and application protocols */
  readonly inspectors: readonly ('tls' | 'http')[]
  readonly chains: readonly FilterChain[]
  readonly defaultChain: FilterChain | undefined
  /** UDP: what the listener filter does */
  readonly datagrams: ChainAction | undefined
  /** the whole listener needs user space; the first reason */
  readonly divert: Divert | undefined
  /** filters that decide who may pass, for listeners that are not installed */
  readonly policies: readonly string[]
  /** INBOUND only: the clusters that it alone leads to are nobody's concern here */
  readonly inboundClusters: readonly string[]
}

export interface ListenAddress {
  readonly path: string
  readonly address: Uint8Array
  readonly port: number
  /** [::] that takes IPv4 too (ipv4_compat) */
  readonly compat: boolean
}

export interface FilterChain {
  readonly path: string
  readonly match: ChainMatch
  readonly action: ChainAction
}

export interface Prefix {
  /** 16 bytes with the bits behind the prefix cleared */
  readonly address: Uint8Array
  /** 0..128, counted in the mapped form: IPv4 prefixes have 96 or more */
  readonly bits: number
  readonly family: 'v4' | 'v6'
}

export interface ChainMatch {
  readonly path: string
  readonly destinationPort: number | undefined
  readonly prefixes: readonly Prefix[]
  readonly serverNames: readonly string[]
  readonly transportProtocol: string
  readonly applicationProtocols: readonly string[]
  /** names of the conditions on the client's address that are set */
  readonly source: readonly string[]
  /** every combination of the conditions behind port and prefix; two chains with one in common exclude each other */
  readonly conditions: readonly string[]
}

/** What a filter chain does; clusters by name. */
export type ChainAction =
  | { readonly kind: 'cluster'; readonly path: string; readonly cluster: string; readonly criteria?: Criteria; readonly hash: HashPolicy }
  | { readonly kind: 'weighted'; readonly path: string; readonly clusters: readonly WeightedName[]; readonly hash: HashPolicy }
  | { readonly kind: 'refuse'; readonly path: string; readonly reason: ReasonName }
  /** `manager`: path of the connection manager */
  | { readonly kind: 'http'; readonly path: string; readonly manager: string }
  | ({ readonly kind: 'divert'; readonly code: 'KM1202' | 'KM1203' } & Divert)

export interface WeightedName {
  readonly path: string
  readonly cluster: string
  readonly criteria: Criteria
  readonly weight: number
}

// ---------------------------------------------------------------- clusters

export interface Cluster {
  readonly name: string
  readonly path: string
  readonly discovery: Discovery
  /** how endpoints are reached by their transport socket */
  readonly transport: Transport
  readonly balance: BalanceSettings | undefined
  /** undefined: criteria choose nothing */
  readonly subsets: SubsetRules | undefined
  /** the cluster needs user space; the first reason */
  readonly divert: Divert | undefined
  /** balance/ has told why */
  readonly balanceReported: boolean
  readonly maxConnections: number
  /** its endpoints take requests over HTTP/2 or HTTP/3 only */
  readonly http2?: true
}

export type Discovery =
  | { readonly kind: 'static'; readonly assignment: Assignment }
  | { readonly kind: 'dns'; readonly assignment: Assignment; readonly use: 'all' | 'first'; readonly family: LookupFamily }
  | { readonly kind: 'eds'; readonly service: string }
  | { readonly kind: 'original_dst' }

/** AUTO: IPv6 where there is any, else IPv4 */
export type LookupFamily = 'AUTO' | 'V4_ONLY' | 'V6_ONLY' | 'V4_PREFERRED' | 'ALL'

export interface BalanceSettings {
  readonly policy: Policy
  readonly localityWeighted: boolean
  readonly failTrafficOnPanic: boolean
  readonly panicThreshold: number
  readonly useHostnameForHashing: boolean
}

/** none: nobody; default: those of the default subset */
export type SubsetFallback = 'none' | 'any' | 'default'

/** lb_subset_config: whom criteria choose. */
export interface SubsetRules {
  /** where no subset has the criteria */
  readonly fallback: SubsetFallback
  readonly defaultSubset: Criteria
  readonly selectors: readonly {
    /** ascending */
    readonly keys: readonly string[]
    /** keys: the criteria of `fallbackKeys` alone; undefined: that of the cluster */
    readonly fallback: SubsetFallback | 'keys' | undefined
    readonly fallbackKeys: readonly string[]
  }[]
  readonly localityWeightAware: boolean
  /** a list in an endpoint's metadata stands for each of its values */
  readonly listAsAny: boolean
}

export interface Transport {
  /** in order; the first whose labels the endpoint's (then its locality's) metadata has */
  readonly matches: readonly { readonly labels: readonly (readonly [string, unknown])[]; readonly socket: Socket }[]
  readonly fallback: Socket
}

/** `why` is undefined where plain text reaches the endpoint. */
export interface Socket {
  readonly path: string
  readonly why: string | undefined
}

export interface RouteConfiguration {
  readonly name: string
  readonly path: string
}

// ---------------------------------------------------------------- endpoints

/** Read anew each time; nobody keeps what it gives. */
export interface AssignmentSource {
  get(name: string): Assignment | undefined
}

export interface Assignment {
  readonly name: string
  readonly path: string
  readonly localities: readonly Locality[]
  readonly overprovisioningFactor: number
  readonly weightedPriorityHealth: boolean
  /** endpoints that come from elsewhere (LEDS) or that the compiler does not understand */
  readonly divert: Divert | undefined
  /** several addresses of an endpoint: the first such place */
  readonly additional: string | undefined
}

export interface Locality {
  readonly region: string
  readonly zone: string
  readonly subZone: string
  readonly priority: number
  readonly weight: number
  readonly labels: Labels | undefined
  readonly endpoints: readonly LbEndpoint[]
}

/** metadata "envoy.transport_socket_match" */
export type Labels = Readonly<Record<string, unknown>>

export interface LbEndpoint {
  readonly target: Target
  readonly weight: number
  readonly health: Endpoint['health']
  /** of the endpoint's own `hostname` */
  readonly hostname: string
  /** metadata "envoy.lb" hash_key */
  readonly hashKey: string
  readonly labels: Labels | undefined
  /** metadata "envoy.lb": what subsets are made by */
  readonly lb: Labels | undefined
}

/** Where an address leads. */
export type Target =
  | { readonly kind: 'ip'; readonly address: Uint8Array; readonly port: number; readonly text: string }
  | { readonly kind: 'name'; readonly name: string; readonly port: number }
  | { readonly kind: 'none'; readonly why: string }
  | { readonly kind: 'invalid'; readonly why: string }
