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

export interface MapSpec {
  readonly name: string
  readonly type: 'array' | 'hash' | 'lpm_trie' | 'array_of_maps' | 'prog_array' | 'sk_storage'
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  /**
   * of array_of_maps: the inner table; its maxEntries differ from epoch to epoch (BPF_F_INNER_MAP for arrays), unless `entries` fixes them
   * (then without that flag: the kernel inlines the lookup)
   */
  readonly inner?: {
    readonly type: 'array' | 'hash' | 'lpm_trie'
    readonly keySize: number
    readonly valueSize: number
    readonly entries?: number
  }
  readonly doc: string
}

const FLOWS_SIZE = flow.size * DATAGRAM_FLOWS

export const MAPS: readonly MapSpec[] = [
  {
    name: 'km_generation',
    type: 'array',
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
    doc: 'the switch: slot in km_record; 0 passes everything through',
  },
  { name: 'km_record', type: 'array', keySize: 4, valueSize: record.size, maxEntries: GENERATION_SLOTS, doc: 'generations by slot' },
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
    inner: { type: 'array', keySize: 4, valueSize: cluster.size },
    doc: 'cluster heads',
  },
  {
    name: 'km_endpoint',
    type: 'array_of_maps',
    keySize: 4,
    valueSize: 4,
    maxEntries: EPOCH_SLOTS,
    inner: { type: 'array', keySize: 4, valueSize: ROW_SIZE },
    doc: 'tiers, groups, endpoints and hash tables, 32 bytes a row',
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
    inner: { type: 'array', keySize: 4, valueSize: state.size, entries: STATE_SHARD_ROWS },
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
]
