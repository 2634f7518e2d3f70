/**
 * Maps: making, reading and writing them, singly and in batches of whole buffers. In: descriptors and bytes; out: descriptors, counts, bytes.
 * Invariant: no object per entry: batches take and give concatenated keys and values.
 */
import { readFileSync } from 'node:fs'
import { bind, bindWaiting, LIBBPF } from './library.ts'
import { checked } from './system-error.ts'

export const MAP_TYPES = {
  hash: 1,
  array: 2,
  prog_array: 3,
  percpu_array: 6,
  lru_hash: 9,
  lpm_trie: 11,
  array_of_maps: 12,
  sockhash: 18,
  sk_storage: 24,
  ringbuf: 27,
} as const
export type MapType = keyof typeof MAP_TYPES

export const BPF_F_NO_PREALLOC = 1
/** Arrays of other sizes may take this one's place in a map of maps (kernel 5.10). */
export const BPF_F_MMAPABLE = 1 << 10
export const BPF_F_INNER_MAP = 1 << 12

export interface MapShape {
  /** at most 15 characters reach the kernel */
  readonly name: string
  readonly type: MapType
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags?: number
  /** of array_of_maps: descriptor of a map shaped like the inner ones; needed only during the call */
  readonly innerFd?: number
  /** of sk_storage, which the kernel makes only with type information */
  readonly btf?: { readonly fd: number; readonly key: number; readonly value: number }
}

type Bytes = Uint8Array
const mapCreate = bind<(type: number, name: string, key: number, value: number, max: number, options: Bytes) => number>(
  LIBBPF,
  'int bpf_map_create(int map_type, const char *map_name, uint32_t key_size, uint32_t value_size, uint32_t max_entries, void *opts)',
)
const updateElem = bind<(fd: number, key: Bytes, value: Bytes, flags: number) => number>(
  LIBBPF,
  'int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)',
)
const lookupElem = bind<(fd: number, key: Bytes, value: Bytes) => number>(
  LIBBPF,
  'int bpf_map_lookup_elem(int fd, const void *key, void *value)',
)
const takeElem = bind<(fd: number, key: Bytes, value: Bytes) => number>(
  LIBBPF,
  'int bpf_map_lookup_and_delete_elem(int fd, const void *key, void *value)',
)
const deleteElem = bind<(fd: number, key: Bytes) => number>(LIBBPF, 'int bpf_map_delete_elem(int fd, const void *key)')
const nextKey = bind<(fd: number, key: Bytes | null, next: Bytes) => number>(
  LIBBPF,
  'int bpf_map_get_next_key(int fd, const void *key, void *next_key)',
)
const updateBatch = bind<(fd: number, keys: Bytes, values: Bytes, count: Bytes, options: Bytes) => number>(
  LIBBPF,
  'int bpf_map_update_batch(int fd, const void *keys, const void *values, void *count, const void *opts)',
)
const deleteBatch = bind<(fd: number, keys: Bytes, count: Bytes, options: Bytes) => number>(
  LIBBPF,
  'int bpf_map_delete_batch(int fd, const void *keys, void *count, const void *opts)',
)
const lookupBatch = bind<(fd: number, from: Bytes | null, to: Bytes, keys: Bytes, values: Bytes, count: Bytes, options: Bytes) => number>(
  LIBBPF,
  'int bpf_map_lookup_batch(int fd, void *in_batch, void *out_batch, void *keys, void *values, void *count, const void *opts)',
)

const ENOENT = 2
const ENOSPC = 28
const CREATE_OPTIONS_SIZE = 48
const BATCH_OPTIONS = Buffer.alloc(24)
BATCH_OPTIONS.writeUInt32LE(24)

export function createMap(shape: MapShape): number {
  const options = Buffer.alloc(CREATE_OPTIONS_SIZE)
  options.writeUInt32LE(CREATE_OPTIONS_SIZE)
  if (shape.btf !== undefined) {
    options.writeUInt32LE(shape.btf.fd, 8)
    options.writeUInt32LE(shape.btf.key, 12)
    options.writeUInt32LE(shape.btf.value, 16)
  }
  if (shape.innerFd !== undefined) options.writeUInt32LE(shape.innerFd, 24)
  options.writeUInt32LE(shape.flags ?? 0, 28)
  const name = shape.name.slice(0, 15)
  return checked(
    mapCreate(MAP_TYPES[shape.type], name, shape.keySize, shape.valueSize, shape.maxEntries, options),
    'bpf_map_create',
    shape.name,
  )
}

/** A u32 key or value. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

export function update(fd: number, key: Bytes, value: Bytes): void {
  checked(updateElem(fd, key, value, 0), 'bpf_map_update_elem')
}

const updateElemWaiting = bindWaiting<[fd: number, key: Bytes, value: Bytes, flags: number]>(
  LIBBPF,
  'int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)',
)
const deleteElemWaiting = bindWaiting<[fd: number, key: Bytes]>(LIBBPF, 'int bpf_map_delete_elem(int fd, const void *key)')

/** `update` of a map of maps, which returns after a grace period (8 ms or so): off the main thread. */
export async function updateWaiting(fd: number, key: Bytes, value: Bytes): Promise<void> {
  checked(await updateElemWaiting(fd, key, value, 0), 'bpf_map_update_elem')
}

/** `remove` of an entry of a map of maps, which returns after a grace period. An entry that is not there is fine. */
export async function removeWaiting(fd: number, key: Bytes): Promise<void> {
  const result = await deleteElemWaiting(fd, key)
  if (result !== -ENOENT) checked(result, 'bpf_map_delete_elem')
}

/** Copies the value into `value`; false when there is no such key. */
export function lookup(fd: number, key: Bytes, value: Bytes): boolean {
  const result = lookupElem(fd, key, value)
  if (result === -ENOENT) return false
  checked(result, 'bpf_map_lookup_elem')
  return true
}

/** Copies the value of a hash into `value` and removes its entry, as one step (kernel 5.14); false when there is no such key. */
export function take(fd: number, key: Bytes, value: Bytes): boolean {
  const result = takeElem(fd, key, value)
  if (result === -ENOENT) return false
  checked(result, 'bpf_map_lookup_and_delete_elem')
  return true
}

/** False when there was no such key. */
export function remove(fd: number, key: Bytes): boolean {
  const result = deleteElem(fd, key)
  if (result === -ENOENT) return false
  checked(result, 'bpf_map_delete_elem')
  return true
}

/** The key after `key` (null: the first) in `next`; false at the end. */
export function getNextKey(fd: number, key: Bytes | null, next: Bytes): boolean {
  const result = nextKey(fd, key, next)
  if (result === -ENOENT) return false
  checked(result, 'bpf_map_get_next_key')
  return true
}

/** Writes `count` concatenated keys and values. A map of maps takes u32 descriptors as values and waits one grace period. */
export function updateAll(fd: number, keys: Bytes, values: Bytes, count: number): void {
  if (count === 0) return
  checked(updateBatch(fd, keys, values, u32(count), BATCH_OPTIONS), 'bpf_map_update_batch')
}

/** Deletes `count` concatenated keys. */
export function deleteAll(fd: number, keys: Bytes, count: number): void {
  if (count === 0) return
  checked(deleteBatch(fd, keys, u32(count), BATCH_OPTIONS), 'bpf_map_delete_batch')
}

/** Keys 0..count-1 of an array. */
export function arrayKeys(count: number): Uint8Array {
  const keys = new Uint32Array(count)
  for (let i = 0; i < count; i++) keys[i] = i
  return new Uint8Array(keys.buffer)
}

export interface Entries {
  readonly keys: Buffer
  readonly values: Buffer
  readonly count: number
}

/**
 * All entries of an array, hash or lpm_trie, in the kernel's order. `capacity`: entries expected, a first guess for hashes; the whole table
 * is read in as many batches as it takes. A hash that changes meanwhile may show an entry twice or not at all.
 */
export function readAll(fd: number, keySize: number, valueSize: number, capacity: number): Entries {
  // a batch cursor is a key for arrays and tries, a bucket number for hashes
  const cursor = Buffer.alloc(Math.max(keySize, 4))
  // one more than expected, so that the first batch also meets the end
  let room = Math.max(capacity + 1, 64)
  let keys = Buffer.alloc(room * keySize)
  let values = Buffer.alloc(room * valueSize)
  let total = 0
  let from: Buffer | null = null
  for (;;) {
    const count = u32(room - total)
    const result = lookupBatch(fd, from, cursor, keys.subarray(total * keySize), values.subarray(total * valueSize), count, BATCH_OPTIONS)
    if (result === 0 || result === -ENOENT) total += count.readUInt32LE(0)
    if (result === -ENOENT) return { keys: keys.subarray(0, total * keySize), values: values.subarray(0, total * valueSize), count: total }
    if (result !== -ENOSPC) checked(result, 'bpf_map_lookup_batch')
    if (result === 0) from = cursor
    if (result === -ENOSPC || total === room) {
      room *= 2
      keys = Buffer.concat([keys, Buffer.alloc(room * keySize - keys.length)])
      values = Buffer.concat([values, Buffer.alloc(room * valueSize - values.length)])
    }
  }
}

/** Bytes that the kernel charges for the map. */
export function memoryOf(fd: number): number {
  return Number(/^memlock:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? 0)
}

const infoByFd = bind<(fd: number, info: Buffer, length: Buffer) => number>(
  LIBBPF,
  'int bpf_obj_get_info_by_fd(int fd, void *info, void *len)',
)
const MAP_INFO_SIZE = 88

export interface MapInfo {
  readonly id: number
  /** bpf_map_type */
  readonly type: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly name: string
}

export function mapInfo(fd: number): MapInfo {
  const info = Buffer.alloc(MAP_INFO_SIZE)
  checked(infoByFd(fd, info, u32(MAP_INFO_SIZE)), 'bpf_obj_get_info_by_fd', 'map')
  return {
    id: info.readUInt32LE(4),
    type: info.readUInt32LE(0),
    keySize: info.readUInt32LE(8),
    valueSize: info.readUInt32LE(12),
    maxEntries: info.readUInt32LE(16),
    name: info.toString('latin1', 24, 40).replace(/\0.*$/, ''),
  }
}
