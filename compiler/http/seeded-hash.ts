/**
 * xxHash64 with a seed of 64 bits, for the one place that needs it: several values of one header are hashed one into the other. In: a text and a seed. Out: 64 bits.
 * Slow and short; texts without a seed take balance/hash.ts. Source: the specification of xxHash (XXH64).
 */
const P1 = 11400714785074694791n
const P2 = 14029467366897019727n
const P3 = 1609587929392839161n
const P4 = 9650029242287828579n
const P5 = 2870177450012600261n

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value)
const rotate = (value: bigint, bits: bigint): bigint => wrap(value << bits) | (value >> (64n - bits))
const round = (lane: bigint, input: bigint): bigint => wrap(rotate(wrap(lane + input * P2), 31n) * P1)
const merge = (hash: bigint, lane: bigint): bigint => wrap((hash ^ round(0n, lane)) * P1 + P4)

export function seededHash(text: string, seed: bigint): bigint {
  const bytes = Buffer.from(text, 'utf8')
  let at = 0
  let hash = wrap(seed + P5)
  if (bytes.length >= 32) {
    let [a, b, c, d] = [wrap(seed + P1 + P2), wrap(seed + P2), seed, wrap(seed - P1)] as const
    for (; at + 32 <= bytes.length; at += 32) {
      a = round(a, bytes.readBigUInt64LE(at))
      b = round(b, bytes.readBigUInt64LE(at + 8))
      c = round(c, bytes.readBigUInt64LE(at + 16))
      d = round(d, bytes.readBigUInt64LE(at + 24))
    }
    hash = [a, b, c, d].reduce(merge, wrap(rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n)))
  }
  hash = wrap(hash + BigInt(bytes.length))
  for (; at + 8 <= bytes.length; at += 8) hash = wrap(rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * P1 + P4)
  if (at + 4 <= bytes.length) {
    hash = wrap(rotate(hash ^ wrap(BigInt(bytes.readUInt32LE(at)) * P1), 23n) * P2 + P3)
    at += 4
  }
  for (; at < bytes.length; at++) hash = wrap(rotate(hash ^ wrap(BigInt(bytes[at] ?? 0) * P5), 11n) * P1)
  hash = wrap((hash ^ (hash >> 33n)) * P2)
  hash = wrap((hash ^ (hash >> 29n)) * P3)
  return hash ^ (hash >> 32n)
}
