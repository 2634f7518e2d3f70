/**
 * The hash of a text, as bpf/lib/http/text-hash.h has it. In: a text of less than HASH_WORDS * 8 bytes, one character a byte. Out: 64 bits.
 *
 * The text is cut into words of 8 bytes, little-endian, zero behind its end. state(0) = SEED, state(n + 1) = mix(state(n), word n), and the hash of the first L
 * bytes is mix(state(L >> 3), the first L & 7 bytes of word L >> 3). So the states after whole words give the hash of every prefix in one more step.
 * mix(s, w) = x ^ x >> 32 with x = (s ^ w) * FACTOR modulo 2^64. Nothing depends on its strength: a hit is compared with the whole text.
 */
import { HASH_WORDS } from './matching.ts'

export const HASH_SEED = 0x9e3779b97f4a7c15n
export const HASH_FACTOR = 0xd6e8feb86659fd93n
const WORD_BYTES = 8
/** Longer texts have no hash. */
export const LONGEST_NAME = HASH_WORDS * WORD_BYTES - 1

export function mixWord(state: bigint, word: bigint): bigint {
  const x = BigInt.asUintN(64, (state ^ word) * HASH_FACTOR)
  return x ^ (x >> 32n)
}

/** bytes `from` to below `to`, at most 8 */
function wordOf(text: string, from: number, to: number): bigint {
  let low = 0
  let high = 0
  for (let at = from; at < to; at++) {
    const shift = (at - from) * 8
    if (shift < 32) low = (low | (text.charCodeAt(at) << shift)) >>> 0
    else high = (high | (text.charCodeAt(at) << (shift - 32))) >>> 0
  }
  return (BigInt(high) << 32n) | BigInt(low)
}

/** undefined: too long */
export function hashText(text: string): bigint | undefined {
  return hashPrefixes(text, [text.length])?.[0]
}

/** Hashes of the prefixes of the given lengths, ascending, in one pass; undefined: the longest is too long. */
export function hashPrefixes(text: string, lengths: readonly number[]): readonly bigint[] | undefined {
  if ((lengths.at(-1) ?? 0) > LONGEST_NAME) return undefined
  let state = HASH_SEED
  let done = 0
  return lengths.map((length) => {
    for (; done + WORD_BYTES <= length; done += WORD_BYTES) state = mixWord(state, wordOf(text, done, done + WORD_BYTES))
    return mixWord(state, wordOf(text, done, length))
  })
}
