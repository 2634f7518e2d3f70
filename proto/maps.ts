/**
 * The well-known maps of an instance, by pin name. In: the layouts of abi.ts. Out: what `bpf/lib/maps.h` declares and the runtime makes; the sizes
 * go into `bpf/lib/abi.gen.h`. Invariant: part of the ABI digest, so an artifact made for other maps is refused.
 */
import {
  record,
  listenerKey,
  listenerValue,
  matchKey,
  chain,
  cluster,
  state,
  failureKey,
  source,
  socket,
  flow,
  GENERATION_ENTRIES,
  GENERATION_SLOTS,
  EPOCH_SLOTS,
  ROW_SIZE,
  NAMES_CHUNK,
  STATE_SHARDS,
  STATE_SHARD_ROWS,
  DATAGRAM_FLOWS,
  SEATS,
  PROGRAMS_PER_GENERATION,
  DECIDING_HOOKS,
} from './abi.ts'
import * as editing from './http/editing.ts'
import * as keeping from './http/keeping.ts'
import * as sockets from './http/sockets.ts'
import { HTTP_ROW_SIZE, nameKey, nameValue } from './http/tables.ts'
import { DECISION_BYTES, monitor, RUNTIME_WORDS, tallyKey } from './watching.ts'

export interface MapSpec {
  readonly name: string
  readonly type:
    | 'array'
    | 'hash'
    | 'lpm_trie'
    | 'array_of_maps'
    | 'prog_array'
    | 'sk_storage'
    | 'sockhash'
    | 'ringbuf'
    | 'percpu_array'
    | 'lru_hash'
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  /** of an array: user space maps it, and changes single fields of its rows (BPF_F_MMAPABLE) */
  readonly mapped?: true
  /**
   * of array_of_maps: the inner table; its maxEntries differ from epoch to epoch (BPF_F_INNER_MAP for arrays), unless `entries` fixes them
   * (then without that flag: the kernel inlines the lookup)
   */
  readonly inner?: {
    readonly type: 'array' | 'hash' | 'lpm_trie'
    readonly keySize: number
    readonly valueSize: number
    readonly entries?: number
    /** an array that user space maps */
    readonly mapped?: true
  }
  readonly doc: string
}

const FLOWS_SIZE = flow.size * DATAGRAM_FLOWS

const SOCKHASH_VALUE = 8
/** Connections whose ends have met, or not yet, and which the holder is about to look at. */
const PAIRS = 4096
/** Rows of struct km_request (bpf/lib/http/request.h) on each CPU. */
const SCRATCH_DEPTH = 4

/** What requests need beside the tables of an epoch. */
const HTTP_MAPS: readonly MapSpec[] = [
  mapped('km_client', sockets.client.size, sockets.CLIENTS, 'client connections that are routed by request'),
  mapped('km_upstream', sockets.upstream.size, sockets.UPSTREAMS, 'connections to endpoints, by cookie modulo UPSTREAMS'),
  mapped('km_pool', sockets.pool.size, sockets.POOLS, 'idle connections of a namespace to an endpoint'),
  mapped('km_edit', editing.edit.size, editing.EDITS, 'edits of responses under way'),
  mapped('km_kept', keeping.kept.size, keeping.KEPTS, 'requests under way that may be tried again'),
  sockhash('km_clients', sockets.CLIENTS, 'client cookie -> its socket (sk_msg: km_request)'),
  sockhash('km_acceptors', sockets.CLIENTS, 'client cookie -> the accepted socket at the other end; put there by the holder'),
  sockhash('km_upstreams', sockets.UPSTREAMS, 'upstream cookie -> its socket (sk_skb verdict: km_reply_remote); put there by the holder'),
  sockhash('km_servers', sockets.UPSTREAMS, "server cookie -> a server's socket on this node (sk_msg: km_reply_local)"),
  {
    name: 'km_http_sockets',
    type: 'sk_storage',
    keySize: 4,
    valueSize: sockets.httpSocket.size,
    maxEntries: 0,
    doc: 'client sockets',
  },
  {
    name: 'km_server_sockets',
    type: 'sk_storage',
    keySize: 4,
    valueSize: sockets.serverSocket.size,
    maxEntries: 0,
    doc: "servers' sockets on this node",
  },
  {
    name: 'km_client_by_address',
    type: 'hash',
    keySize: sockets.clientAddressKey.size,
    valueSize: sockets.clientPlace.size,
    maxEntries: 2 * sockets.CLIENTS,
    doc: 'the client of an accepted socket (BPF_F_NO_PREALLOC)',
  },
  {
    name: 'km_pool_of',
    type: 'hash',
    keySize: sockets.poolKey.size,
    valueSize: 4,
    maxEntries: sockets.POOLS,
    doc: 'row of km_pool (BPF_F_NO_PREALLOC)',
  },
  {
    name: 'km_acceptor',
    type: 'hash',
    keySize: sockets.acceptorKey.size,
    valueSize: sockets.acceptor.size,
    maxEntries: 4096,
    doc: 'who accepts for a network namespace and family (BPF_F_NO_PREALLOC)',
  },
  {
    name: 'km_pair',
    type: 'lru_hash',
    keySize: sockets.pairKey.size,
    valueSize: 8,
    maxEntries: PAIRS,
    doc: 'upstream cookie by sequence numbers, until its other end is met',
  },
  {
    name: 'km_server_of',
    type: 'lru_hash',
    keySize: 8,
    valueSize: 8,
    maxEntries: PAIRS,
    doc: 'upstream cookie -> cookie of its other end on this node',
  },
  { name: 'km_events', type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: sockets.EVENT_BYTES, doc: 'km_event, for the holder' },
  {
    name: 'km_scratch',
    type: 'percpu_array',
    keySize: 4,
    valueSize: sockets.SCRATCH_BYTES,
    maxEntries: SCRATCH_DEPTH,
    doc: 'requests that are decided: struct km_request',
  },
  {
    name: 'km_clock',
    type: 'array',
    keySize: 4,
    valueSize: sockets.CLOCK_BYTES,
    maxEntries: 1,
    doc: 'the date as headers have it, written by the holder each second',
  },
  {
    name: 'km_program_request',
    type: 'prog_array',
    keySize: 4,
    valueSize: 4,
    maxEntries: GENERATION_SLOTS * PROGRAMS_PER_GENERATION,
    doc: 'programs of all generations for requests (sk_msg)',
  },
]

export const MAPS: readonly MapSpec[] = [
  {
    name: 'km_generation',
    type: 'array',
    keySize: 4,
    valueSize: 4,
    maxEntries: GENERATION_ENTRIES,
    mapped: true,
    doc: 'the switch: slot in km_record, 0 passes everything through; and the latest number',
  },
  mapped('km_record', record.size, GENERATION_SLOTS, 'generations by slot'),
  {
    name: 'km_listener',
    type: 'array_of_maps',
    keySize: 4,
    valueSize: 4,
    maxEntries: EPOCH_SLOTS,
    inner: { type: 'hash', keySize: listenerKey.size, valueSize: listenerValue.size },
    doc: 'dialled address -> listener',
  },
  {
    name: 'km_match',
    type: 'array_of_maps',
    keySize: 4,
    valueSize: 4,
    maxEntries: EPOCH_SLOTS,
    inner: { type: 'lpm_trie', keySize: matchKey.size, valueSize: 4 },
    doc: 'dynamic filter-chain match -> row of km_chain',
  },
  {
    name: 'km_chain',
    type: 'array_of_maps',
    keySize: 4,
    valueSize: 4,
    maxEntries: EPOCH_SLOTS,
    inner: { type: 'array', keySize: 4, valueSize: chain.size },
    doc: 'filter chains and weighted clusters',
  },
  {
    name: 'km_cluster',
    type: 'array_of_maps',
    keySize: 4,
    valueSize: 4,
    maxEntries: EPOCH_SLOTS,
    inner: { type: 'array', keySize: 4, valueSize: cluster.size, mapped: true },
    doc: 'cluster heads',
  },
  {
    name: 'km_endpoint',
    type: 'array_of_maps',
    keySize: 4,
    valueSize: 4,
    maxEntries: EPOCH_SLOTS,
    inner: { type: 'array', keySize: 4, valueSize: ROW_SIZE, mapped: true },
    doc: 'tiers, groups, endpoints and hash tables, 32 bytes a row',
  },
  {
    name: 'km_http',
    type: 'array_of_maps',
    keySize: 4,
    valueSize: 4,
    maxEntries: EPOCH_SLOTS,
    inner: { type: 'array', keySize: 4, valueSize: HTTP_ROW_SIZE },
    doc: 'services, virtual hosts, routes, conditions, actions and texts, 32 bytes a row',
  },
  {
    name: 'km_name',
    type: 'array_of_maps',
    keySize: 4,
    valueSize: 4,
    maxEntries: EPOCH_SLOTS,
    inner: { type: 'hash', keySize: nameKey.size, valueSize: nameValue.size },
    doc: 'domains, paths and cluster names by hash',
  },
  {
    name: 'km_names',
    type: 'array_of_maps',
    keySize: 4,
    valueSize: 4,
    maxEntries: EPOCH_SLOTS,
    inner: { type: 'array', keySize: 4, valueSize: NAMES_CHUNK },
    doc: 'gzipped names document (proto/artifact), so that the kernel alone tells what it holds',
  },
  {
    name: 'km_state',
    type: 'array_of_maps',
    keySize: 4,
    valueSize: 4,
    maxEntries: STATE_SHARDS,
    inner: { type: 'array', keySize: 4, valueSize: state.size, entries: STATE_SHARD_ROWS, mapped: true },
    doc: 'state id >> STATE_SHARD_BITS -> shard',
  },
  {
    name: 'km_failure',
    type: 'hash',
    keySize: failureKey.size,
    valueSize: 8,
    maxEntries: 1 << 17,
    doc: 'failures by owner and reason (BPF_F_NO_PREALLOC)',
  },
  {
    name: 'km_source',
    type: 'hash',
    keySize: 8,
    valueSize: source.size,
    maxEntries: 65536,
    doc: 'netns cookie -> source addresses (BPF_F_NO_PREALLOC)',
  },
  { name: 'km_seats', type: 'array', keySize: 4, valueSize: socket.size, maxEntries: SEATS, doc: 'TCP sockets, by cookie modulo SEATS' },
  {
    name: 'km_sockets',
    type: 'sk_storage',
    keySize: 4,
    valueSize: socket.size,
    maxEntries: 0,
    doc: 'connected UDP sockets, and TCP sockets whose seat is taken',
  },
  {
    name: 'km_flows',
    type: 'sk_storage',
    keySize: 4,
    valueSize: FLOWS_SIZE,
    maxEntries: 0,
    doc: 'unconnected UDP sockets: km_flow[DATAGRAM_FLOWS]',
  },
  ...DECIDING_HOOKS.map(
    (hook): MapSpec => ({
      name: `km_program_${hook}`,
      type: 'prog_array',
      keySize: 4,
      valueSize: 4,
      maxEntries: GENERATION_SLOTS * PROGRAMS_PER_GENERATION,
      doc: `programs of all generations for cgroup/${hook}`,
    }),
  ),
  ...HTTP_MAPS,
  mapped('km_monitor', monitor.size, 1, 'is somebody listening, and what was lost'),
  { name: 'km_decisions', type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: DECISION_BYTES, doc: 'km_decision, for the monitor' },
  {
    name: 'km_tally',
    type: 'hash',
    keySize: tallyKey.size,
    valueSize: 8,
    maxEntries: 1 << 16,
    doc: 'counts of owners that are gone; no program reads it (BPF_F_NO_PREALLOC)',
  },
  mapped('km_runtime', 8 * RUNTIME_WORDS, 1, 'what processes of the runtime count; no program reads it'),
]

/** An array whose rows user space changes in place. */
function mapped(name: string, valueSize: number, maxEntries: number, doc: string): MapSpec {
  return { name, type: 'array', keySize: 4, valueSize, maxEntries, mapped: true, doc }
}

function sockhash(name: string, maxEntries: number, doc: string): MapSpec {
  return { name, type: 'sockhash', keySize: 8, valueSize: SOCKHASH_VALUE, maxEntries, doc }
}
