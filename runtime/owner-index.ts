/**
 * Finds 16-byte owner keys among rows: open addressing over one Int32Array, no object per key. In: rows with a key at a fixed place;
 * out: row numbers. The keys are parts of a sha256, so their first word is hash enough. A key of all zeros is nobody's and never found.
 */
const KEY_WORDS = 4

export interface OwnerIndex {
  /** Row whose key is the four words at `at` of `keys`; -1: none. */
  find(keys: Uint32Array, at: number): number
}

/** `rows` as words, `stride` words a row, the key in its first four. */
export function createOwnerIndex(rows: Uint32Array, stride: number): OwnerIndex {
  const count = Math.floor(rows.length / stride)
  let size = 16
  while (size < count * 2) size *= 2
  const mask = size - 1
  const buckets = new Int32Array(size).fill(-1)
  for (let row = 0; row < count; row++) {
    if (isZero(rows, row * stride)) continue
    let bucket = (rows[row * stride] as number) & mask
    while (buckets[bucket] !== -1) bucket = (bucket + 1) & mask
    buckets[bucket] = row
  }
  return {
    find: (keys, at) => {
      for (let bucket = (keys[at] as number) & mask; ; bucket = (bucket + 1) & mask) {
        const row = buckets[bucket] as number
        if (row === -1) return -1
        if (same(rows, row * stride, keys, at)) return row
      }
    },
  }
}

function isZero(words: Uint32Array, at: number): boolean {
  return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0
}

function same(a: Uint32Array, atA: number, b: Uint32Array, atB: number): boolean {
  for (let i = 0; i < KEY_WORDS; i++) if (a[atA + i] !== b[atB + i]) return false
  return true
}
