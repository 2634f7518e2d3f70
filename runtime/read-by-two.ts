/** Counters of a hash whose key has two numbers. In: its descriptor, the layout of the key, the names of both, entries expected; out: by the first, then by the second. */
import type { Layout } from '../proto/layout.ts'
import { rowReader } from './field.ts'
import { readAll } from './sys/libbpf-map.ts'

export function readByTwo(
  fd: number,
  key: Layout,
  [first, second]: readonly [string, string],
  expected: number,
): ReadonlyMap<number, ReadonlyMap<number, number>> {
  const { keys, values, count } = readAll(fd, key.size, 8, expected)
  const read = rowReader(key, keys)
  const counts = new Map<number, Map<number, number>>()
  for (let i = 0; i < count; i++) {
    const at = read.number(i * key.size, first)
    const own = counts.get(at) ?? new Map<number, number>()
    own.set(read.number(i * key.size, second), Number(values.readBigUInt64LE(i * 8)))
    counts.set(at, own)
  }
  return counts
}
