/**
 * The hash of km_names, as bpf/lib/http/interest.h has it. In: names in lower case. Out: a factor that gives each of them a bucket of its own.
 *
 * bucket(name) = ((first ^ (last << 32 | last >> 32)) + length) * factor >> shift modulo 2^64: `first` is the first eight bytes, `last` the last eight (0 where there are less), each with
 * bit 5 of its bytes set, zero behind the end. Invariant: two names of equal length whose first and last eight bytes are the same have no such table.
 */
import { NAME_MAX, NAMES_IN_ROW } from './matching.ts'

const WORD_BYTES = 8
const CASE = 0x2020202020202020n
const BUCKETS_MAX = 256
const TRIES = 1000
const STEP = 0x9e3779b97f4a7c15n

export interface NameTable {
  readonly factor: bigint
  readonly shift: number
  /** index of the name in each bucket; undefined: none */
  readonly buckets: readonly (number | undefined)[]
}

/** undefined: a name is too long, or no factor was found. */
export function nameTable(names: readonly string[]): NameTable | undefined {
  if (names.some(({ length }) => length === 0 || length > NAME_MAX)) return undefined
  const words = names.map(wordOf)
  const size = sizeFor(names.length)
  const shift = 64 - Math.log2(size)
  let factor = STEP
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const buckets = new Array<number | undefined>(size).fill(undefined)
    const alone = words.every((word, index) => {
      const bucket = Number(BigInt.asUintN(64, word * factor) >> BigInt(shift))
      const free = buckets[bucket] === undefined
      buckets[bucket] = index
      return free
    })
    if (alone) return { factor, shift, buckets }
    factor = BigInt.asUintN(64, factor * STEP + STEP) | 1n
  }
  return undefined
}

/** So many that a factor is found within a few attempts: a quarter of the square, in whole rows. */
function sizeFor(count: number): number {
  let size = NAMES_IN_ROW
  while (size < BUCKETS_MAX && size * 4 < count * count) size *= 2
  return size
}

function wordOf(name: string): bigint {
  const bytes = Buffer.alloc(NAME_MAX)
  bytes.write(name, 'latin1')
  const kept = name.length < WORD_BYTES ? (1n << BigInt(name.length * 8)) - 1n : 0xffffffffffffffffn
  const first = (bytes.readBigUInt64LE(0) | CASE) & kept
  const last = name.length < WORD_BYTES ? 0n : bytes.readBigUInt64LE(name.length - WORD_BYTES) | CASE
  return (first ^ (BigInt.asUintN(64, last << 32n) | (last >> 32n))) + BigInt(name.length)
}
