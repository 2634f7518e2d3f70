/**
 * How the maps of proto/maps.ts are made. In: a MapSpec; out: a MapShape with the kernel's flags.
 * Inner arrays of epochs differ in size and need BPF_F_INNER_MAP; shards of km_state are all of one size and do without, so that the
 * verifier can inline their lookup. What is changed field by field while programs read it can be mapped (map-memory.ts). Tries and on-demand hashes are not preallocated; the listener table is, since its size is known.
 */
import { STATE_SHARD_ROWS } from '../proto/abi.ts'
import { MAPS, type MapSpec } from '../proto/maps.ts'
import { BPF_F_INNER_MAP, BPF_F_MMAPABLE, BPF_F_NO_PREALLOC, type MapShape } from './sys/libbpf-map.ts'

export const STATE_MAP = 'km_state'

export function mapSpec(name: string): MapSpec {
  const spec = MAPS.find((candidate) => candidate.name === name)
  if (spec === undefined) throw new Error(`no map ${name} in proto/abi.ts`)
  return spec
}

/** Maps of maps whose inner tables make up an epoch. */
export const EPOCH_MAPS: readonly MapSpec[] = MAPS.filter((spec) => spec.type === 'array_of_maps' && spec.name !== STATE_MAP)

/** A well-known map; of array_of_maps and sk_storage the caller adds innerFd and btf. */
export function outerShape(spec: MapSpec): MapShape {
  const flags = spec.type === 'sk_storage' || spec.type === 'hash' ? BPF_F_NO_PREALLOC : spec.mapped ? BPF_F_MMAPABLE : 0
  return { name: spec.name, type: spec.type, keySize: spec.keySize, valueSize: spec.valueSize, maxEntries: spec.maxEntries, flags }
}

/** An inner table of `spec` with room for `rows`; at least one, as the kernel makes no empty map. */
export function innerShape(spec: MapSpec, rows: number): MapShape {
  const { inner } = spec
  if (inner === undefined) throw new Error(`${spec.name} has no inner table`)
  return { name: spec.name, ...inner, maxEntries: Math.max(1, rows), flags: innerFlags(spec) }
}

export function stateShardShape(): MapShape {
  return innerShape(mapSpec(STATE_MAP), STATE_SHARD_ROWS)
}

function innerFlags({ inner }: MapSpec): number {
  if (inner?.type === 'lpm_trie') return BPF_F_NO_PREALLOC
  if (inner?.type !== 'array') return 0
  return (inner.entries === undefined ? BPF_F_INNER_MAP : 0) | (inner.mapped ? BPF_F_MMAPABLE : 0)
}
