/**
 * Every struct and constant that TypeScript and the C in `bpf/` share, stated once.
 *
 * In: nothing. Out: typed layouts (`Layout`) that the compiler writes with, the runtime reads with, and that
 * `scripts/abi.ts` prints as `bpf/lib/abi.gen.h`, where clang checks each size and offset (invariant 7).
 * All integers are little-endian (the host order of every supported node) unless a field says "network order".
 * Addresses are always 16 bytes: IPv4 is stored IPv4-mapped (::ffff:a.b.c.d), so that both families share one form.
 * Ports in structs are host order.
 */
import { layout } from './layout.ts'

/** Bumped when a layout or the meaning of a constant changes; part of every artifact and of every instance's pins. */
export const ABI_VERSION = 3

// ---------------------------------------------------------------- capacities of the constant tables

/** Slots of km_record: retained + building + draining generations. Slot 0 is "pass through" and never used. */
export const GENERATION_SLOTS = 16
/** Epochs (full sets of inner tables) that may exist at one time. */
export const EPOCH_SLOTS = 16
/** Elements of km_generation: the slot in force, and the latest number that a generation was given. A number is never given twice. */
export const GENERATION_SLOT = 0
export const GENERATION_LATEST = 1
export const GENERATION_ENTRIES = 2
/** Program slots that one generation owns in each prog array; `km_record.program_base` is a multiple of it. */
export const PROGRAMS_PER_GENERATION = 16
/** Rows of one shard of km_state, and how many shards there may be (8 Mi rows). */
export const STATE_SHARD_BITS = 12
export const STATE_SHARD_ROWS = 1 << STATE_SHARD_BITS
export const STATE_SHARDS = 2048
/** Version cells of a cluster head: the generation in force, three that are retained, one that is being made. */
export const CLUSTER_CELLS = 5
/** TCP sockets that find room without an allocation; the others have socket storage. A power of two. */
export const SEATS = 1 << 14
/** Service addresses that one unconnected UDP socket can talk to at a time, each with its own affinity. */
export const DATAGRAM_FLOWS = 4
/** Bytes of one element of km_names. */
export const NAMES_CHUNK = 4096

/** Index in a generation's program block. Slot ENTRY is the listener program, POLICY + policy number the policies. */
export const PROGRAM_ENTRY = 0
export const PROGRAM_POLICY = 1

/** Policy numbers (`km_cluster.policy`), in this order in every program block. */
export const POLICIES = ['ROUND_ROBIN', 'RANDOM', 'LEAST_REQUEST', 'RING_HASH', 'MAGLEV'] as const
export type PolicyName = (typeof POLICIES)[number]

/** Why a connection was refused or failed; the numbers are the keys of km_failure. Never renumbered. */
export const REASONS = {
  none: 0,
  /** listener or filter chain is diverted (HTTP, an unsupported filter, a match on bytes) and no slow path exists */
  diverted: 1,
  /** no filter chain matches and there is no default one: Envoy closes */
  no_filter_chain: 2,
  /** tcp_proxy names a cluster that is not in the snapshot */
  unknown_cluster: 3,
  /** the cluster has no endpoint that may be chosen (empty, threshold 0, fail_traffic_on_panic) */
  no_endpoint: 4,
  /** max_connections of the circuit breaker reached */
  overflow: 5,
  /** chosen endpoint needs TLS, PROXY protocol or HBONE */
  tls: 6,
  /** endpoint host name without given addresses, pipe or internal address */
  unresolved: 7,
  /** the socket's family cannot reach any chosen endpoint (pitfall 14) */
  family: 8,
  /** a hash on the source address is asked for and the source address is not known (pitfall 15) */
  no_source: 9,
  /** a table or tail call that must be there is missing: refused, never open */
  internal: 10,
  /** the endpoint refused or did not answer (SYN_SENT -> CLOSE) */
  connect_failed: 11,
  /** the client closed while the connection was still being made */
  aborted: 12,
  /** connect() failed after our hook (no route, another program refused) */
  not_attempted: 13,
  /** the listener routes requests and nobody accepts connections for it: `kmesh-runtime serve` is not running, or not in this network namespace */
  no_acceptor: 14,
} as const
export type ReasonName = keyof typeof REASONS

/**
 * `building` never was in force; `retained` was, before the one that is; `abandoned` was, and a rollback went behind it. What km_generation names is in force,
 * whatever its row says.
 */
export const GENERATION_STATES = ['free', 'building', 'live', 'retained', 'draining', 'abandoned'] as const
export type GenerationState = (typeof GENERATION_STATES)[number]

/** km_record.flags */
export const RECORD_DIVERTED_PASS = 1
export const RECORD_HAS_TCP = 2
export const RECORD_HAS_UDP = 4
/** no longer in force, or about to be: sockets that have to leave its endpoints were not told yet */
export const RECORD_UNSETTLED = 8

/** km_listener_value.flags: `target` is a chain set for km_match, not a chain row. */
export const LISTENER_DYNAMIC = 1

/** km_chain.kind */
export const CHAIN_CLUSTER = 1
export const CHAIN_WEIGHTED = 2
export const CHAIN_PASS = 3
export const CHAIN_REFUSE = 4
export const CHAIN_DIVERT = 5
/** requests are routed one by one: `target` is the row of the service in km_http */
export const CHAIN_HTTP = 6

/** km_chain.flags: what RING_HASH and MAGLEV hash; neither: a random number */
export const CHAIN_HASH_SOURCE_IP = 1
export const CHAIN_HASH_CONSTANT = 2

/** km_cluster.flags. ORIGINAL_DST: leave the connection alone. */
export const CLUSTER_PASS = 2
/** `reason` says why every connection is refused (tls, unresolved, diverted). */
export const CLUSTER_REFUSE = 4
/** LEAST_REQUEST full scan. */
export const CLUSTER_FULL_SCAN = 8

/** km_group.flags: all endpoints have the same weight, so total = count and index = point. */
export const GROUP_EQUAL = 1

/** km_endpoint.flags: the address is not IPv4-mapped */
export const ENDPOINT_V6 = 1

/** km_socket.flags */
export const SOCKET_REWRITTEN = 1
export const SOCKET_ATTEMPTED = 2
export const SOCKET_HASH = 4
/** decision in progress: the hash is still to be made of the source address */
export const SOCKET_HASH_SOURCE = 8
/** requests of it are routed one by one: it has a row of km_client */
export const SOCKET_HTTP = 16

// ---------------------------------------------------------------- constant tables

export const record = layout('km_record', 'One generation. Written before the switch; immutable while retained.', {
  generation: ['u64', 'sequence number, 1 for the first apply of the instance; compared with km_cell.generation'],
  state: ['u32', 'index into GENERATION_STATES'],
  epoch: ['u32', 'index into every map of maps'],
  program_base: ['u32', 'first slot of its block in every prog array'],
  flags: ['u32', 'RECORD_*'],
  clusters: ['u32', 'number of cluster heads'],
  chains: ['u32', 'number of chain rows'],
  names_bytes: ['u32', 'bytes of the gzipped names document in km_names'],
  applied_at: ['u32', 'Unix seconds'],
  digest: ['u8[32]', 'sha256 of the artifact manifest'],
  confirm_by: ['u32', 'Unix seconds: taken back then unless confirmed; 0: nothing to confirm'],
  rows: ['u32', 'rows of km_endpoint that it and those before it use; behind them are spare ones'],
})

export const listenerKey = layout('km_listener_key', 'Wildcards: address any4 (::ffff:0.0.0.0) or any6 (::); the catch-all has port 0.', {
  address: ['u8[16]', 'IPv4-mapped or IPv6'],
  port: ['u16', 'host order'],
  protocol: ['u8', '6 TCP, 17 UDP'],
  pad: ['u8', '0'],
})

export const listenerValue = layout('km_listener_value', 'What a dialled address means.', {
  target: ['u32', 'row in km_chain, or chain set when LISTENER_DYNAMIC'],
  flags: ['u32', 'LISTENER_*'],
  state: ['u32', 'state id of the listener'],
  fallback: ['u32', 'row in km_chain when LISTENER_DYNAMIC and nothing in km_match fits'],
})

export const matchKey = layout(
  'km_match_key',
  'LPM key of a dynamic filter-chain match. The length counts set and port (64 bits) plus the address prefix.',
  {
    length: ['u32', 'prefix length in bits: 64 + 0..128'],
    set: ['u32', 'chain set, network order (LPM compares bytes)'],
    port: ['u16', 'network order; 0 in entries for "any destination port"'],
    pad: ['u16', '0'],
    address: ['u8[16]', 'destination, IPv4-mapped or IPv6'],
  },
)

export const chain = layout(
  'km_chain',
  'What a filter chain does. A weighted row is followed (at target) by `count` km_weighted rows in the same array.',
  {
    kind: ['u32', 'CHAIN_*'],
    target: ['u32', 'cluster index, first km_weighted row, or row of the service in km_http'],
    count: ['u32', 'weighted clusters'],
    reason: ['u32', 'REASONS of CHAIN_REFUSE and CHAIN_DIVERT'],
    total: ['u64', 'sum of the weights'],
    flags: ['u32', 'CHAIN_HASH_*'],
    pad: ['u32', '0'],
    hash: ['u64', 'CHAIN_HASH_CONSTANT: xxHash64 of the key'],
  },
)

export const weighted = layout('km_weighted', 'One cluster of a weighted choice.', {
  upto: ['u64', 'cumulative weight, exclusive'],
  cluster: ['u32', 'cluster index'],
  pad0: ['u32', '0'],
  pad1: ['u64[3]', '0'],
})

export const cell = layout('km_cell', 'One version of a cluster. A reader takes the newest that is not newer than its generation.', {
  generation: ['u64', '0: unused'],
  first: ['u32', 'first row in km_endpoint'],
  tiers: ['u32', 'tier rows at `first`; 0: no endpoint may be chosen'],
})

export const cluster = layout('km_cluster', 'Head of a cluster, followed by CLUSTER_CELLS km_cell.', {
  policy: ['u32', 'index into POLICIES'],
  flags: ['u32', 'CLUSTER_*'],
  state: ['u32', 'state id of the cluster'],
  max_connections: ['u32', 'circuit breaker, default priority'],
  reason: ['u32', 'REASONS of CLUSTER_REFUSE'],
  choice_count: ['u32', 'LEAST_REQUEST: endpoints compared'],
  bias: ['u32', 'LEAST_REQUEST: first of the 32 km_slots rows of factors relative to cell.first; 0: weights are equal in each group'],
  pad: ['u32', '0'],
  cells: ['u64[10]', 'km_cell[CLUSTER_CELLS]'],
})

// ---------------------------------------------------------------- rows of km_endpoint, 32 bytes each

export const ROW_SIZE = 32

/**
 * How a round-robin cursor picks (compiler/balance/spread.ts is the definition and has the same in TypeScript):
 *   c = fetch_and_add(&state.cursor, 1); point = (c % total) * stride % total; the pick is the first row whose upto > point
 * (with GROUP_EQUAL: row number `point`). `stride` is coprime with `total`, so any `total` picks in a row meet each row exactly weight times.
 * All sums of weights fit in u32 (Envoy refuses larger ones), so (c % total) * stride fits in u64.
 *
 * One 64-bit number h per decision picks the tier (h % 100). RANDOM uses the same h for the endpoint (h % count), and RING_HASH and MAGLEV for the
 * table: h is what hash_policy says, else random. ROUND_ROBIN and LEAST_REQUEST take an h that is random; LEAST_REQUEST draws anew for its endpoints.
 */
export const tier = layout(
  'km_tier',
  'One (priority, host source) that receives load. Rows `first..` of a cell; positions are relative to cell.first.',
  {
    upto: ['u32', 'cumulative load in percent, exclusive: the last tier has 100. The tier is the first with upto > hash % 100'],
    group: ['u32', 'first km_group row; RING_HASH and MAGLEV: its only group lists the endpoints'],
    groups: ['u32', 'number of groups (localities when locality weighted, else 1); 0: nobody may be chosen here, refuse with no_endpoint'],
    cursor: ['u32', 'state id whose cursor walks the localities when groups > 1'],
    total: ['u32', 'sum of the group weights, reduced by their greatest common divisor'],
    stride: ['u32', 'of the cursor over the groups'],
    table: ['u32', 'RING_HASH: first km_ring row; MAGLEV: first km_slots row'],
    entries: ['u32', 'entries of the hash table; 0 elsewhere'],
  },
)

export const group = layout('km_group', 'A list of endpoints that one cursor walks.', {
  upto: ['u32', 'cumulative weight in its tier, exclusive'],
  first: ['u32', 'first km_endpoint row'],
  count: ['u32', 'endpoints, at least 1'],
  total: ['u32', 'sum of the endpoint weights, reduced by their greatest common divisor'],
  stride: ['u32', 'of the cursor over the endpoints; 1 with GROUP_EQUAL'],
  cursor: ['u32', 'state id whose cursor walks the endpoints (ROUND_ROBIN only, else 0)'],
  flags: ['u32', 'GROUP_*'],
  pad: ['u32', '0'],
})

export const endpoint = layout('km_endpoint', 'One endpoint of one group.', {
  address: ['u8[16]', 'IPv4-mapped or IPv6'],
  upto: ['u32', 'cumulative weight in its group, exclusive'],
  weight: ['u32', 'its own weight, reduced'],
  state: ['u32', 'state id of the endpoint'],
  port: ['u16', 'host order'],
  flags: ['u16', 'ENDPOINT_*'],
})

export const ring = layout(
  'km_ring',
  'Two entries of a hash ring, ordered by hash. The pick is the first entry whose hash >= h, the first entry when there is none.',
  {
    hash: ['u64[2]', 'position on the ring; in a last odd row the second is 2^64 - 1 and not counted in entries'],
    index: ['u32[2]', "endpoint index in the tier's group"],
    pad: ['u64', '0'],
  },
)

/**
 * MAGLEV: the pick is entry h % entries of the table.
 * LEAST_REQUEST with weights (32 rows = 256 factors): the factor of `active` live connections is entry slot(active), where
 *   slot(a) = a                                             for a < 128
 *           = min(255, 128 + (l - 7) * 8 + ((a >> (l - 3)) & 7)), l = floor(log2(a))   otherwise (buckets of an eighth of an octave)
 * and the endpoint's share is weight * factor: at most 2^32 * 2^31, and so is the sum over a group.
 */
export const slots = layout('km_slots', 'Eight entries of a Maglev table, or eight factors of LEAST_REQUEST.', {
  value: [
    'u32[8]',
    "endpoint index in the tier's group; or max(1, round(2^31 / (active + 1)^bias)), active being the middle of the bucket",
  ],
})

// ---------------------------------------------------------------- state that survives generations

export const state = layout(
  'km_state',
  'Counters and policy state of one listener, cluster, group or endpoint, by stable id. Id 0 is never used.',
  {
    key: ['u8[16]', 'first 16 bytes of sha256 over kind, cluster or listener name and address: who owns this id; zero: free'],
    incarnation: ['u32', 'raised each time the id gets a new owner; a release for an older one is dropped'],
    active: ['u32', 'live connections'],
    connections: ['u64', 'connections that were given to it'],
    failures: ['u64', 'connections refused by it or that failed at it; by reason in km_failure'],
    cursor: [
      'u64',
      'round-robin position; of an endpoint: not 0 once it has left its cluster, which ends the affinities of unconnected UDP sockets',
    ],
  },
)

export const failureKey = layout('km_failure_key', 'Counter of failures by owner and reason, made when first needed.', {
  state: ['u32', 'state id; 0 for failures without owner'],
  reason: ['u32', 'REASONS'],
})

export const source = layout(
  'km_source',
  'Value of HASH netns cookie (u64) -> the one source address of each family, filled by the runtime.',
  {
    v4: ['u8[16]', 'IPv4-mapped, all zero: unknown or ambiguous'],
    v6: ['u8[16]', 'all zero: unknown or ambiguous'],
  },
)

export const socket = layout('km_socket', 'What we know of one socket, in a seat or in socket storage. Written under the socket lock.', {
  owner: ['u64', 'in a seat: cookie of the socket; 0: free. In socket storage: 0'],
  generation: ['u64', 'generation that decided'],
  asked: ['u8[16]', 'address the client dialled, normalised'],
  peer: ['u8[16]', 'endpoint it was given'],
  asked_port: ['u16', 'host order'],
  peer_port: ['u16', 'host order'],
  protocol: ['u8', '6 or 17'],
  flags: ['u8', 'SOCKET_*'],
  aborted: ['u16', '1: the last descriptor was closed before the connection was made; written without the lock'],
  counted: ['u32', '1 while it holds a place in cluster and endpoint; exchanged to 0 by whoever releases'],
  listener: ['u32', 'state id'],
  cluster: ['u32', 'state id'],
  endpoint: ['u32', 'state id'],
  cluster_incarnation: ['u32', ''],
  endpoint_incarnation: ['u32', ''],
  epoch: ['u32', 'decision in progress'],
  head: ['u32', 'decision in progress: cluster index'],
  choice: ['u64[6]', 'decision in progress: struct km_choice of bpf/lib/socket.h'],
})

export const flow = layout('km_flow', 'One affinity of an unconnected UDP socket.', {
  asked: ['u8[16]', ''],
  peer: ['u8[16]', ''],
  asked_port: ['u16', 'host order; 0: unused'],
  peer_port: ['u16', 'host order'],
  counted: ['u32', '1 while it holds a place'],
  cluster: ['u32', 'state id'],
  endpoint: ['u32', 'state id'],
  cluster_incarnation: ['u32', ''],
  endpoint_incarnation: ['u32', ''],
  listener: ['u32', 'state id'],
  used: ['u32', 'when it last sent or received: units of 1,024 ns of the monotonic clock, wrapping'],
})

export const ROW_LAYOUTS = [tier, group, endpoint, ring, slots] as const
export const LAYOUTS = [
  record,
  listenerKey,
  listenerValue,
  matchKey,
  chain,
  weighted,
  cell,
  cluster,
  ...ROW_LAYOUTS,
  state,
  failureKey,
  source,
  socket,
  flow,
] as const

/** The attach types that decide, each with a prog array of its own (`km_program_<name>`). */
export const DECIDING_HOOKS = ['connect4', 'connect6', 'sendmsg4', 'sendmsg6'] as const
/** All prog arrays of generations: those, and the one of the programs that decide requests (sk_msg). */
export const PROGRAM_ARRAYS = [...DECIDING_HOOKS, 'request'] as const
export type ProgramArray = (typeof PROGRAM_ARRAYS)[number]
