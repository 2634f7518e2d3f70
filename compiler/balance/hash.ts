/**
 * The two hash functions that Envoy's hash policies, rings and tables use, over bytes. In: UTF-8 bytes and a seed. Out: 64 bits as two u32 halves.
 * Written on 32-bit halves because rings hash tens of thousands of strings and BigInt is thirty times slower.
 * Source: xxHash64 (its public specification, seed 0 for rings and hash policies, 0 and 1 for Maglev; Envoy's HashUtil::xxHash64) and
 * MurmurHash2 64-bit as libstdc++'s _Hash_bytes has it (Envoy's MurmurHash::murmurHash2 with seed 0xc70f6907).
 * Vectors: hash.vectors.ts.
 */

/** The last result; a pair of numbers would be an allocation per hash. */
export interface Hash64 {
  high: number
  low: number
}

/** Writes the xxHash64 of `bytes[0..length)` to `out`; `seed` is a u32. */
export function xxHash64(bytes: Uint8Array, length: number, seed: number, out: Hash64): void {
  let at = 0
  if (length >= 32) {
    seedLane(lane1, P1H, P1L, P2H, P2L, seed)
    seedLane(lane2, 0, 0, P2H, P2L, seed)
    seedLane(lane3, 0, 0, 0, 0, seed)
    seedLane(lane4, ~P1H, -P1L, 0, 0, seed)
    for (; at + 32 <= length; at += 32) {
      round(lane1, read32(bytes, at + 4), read32(bytes, at))
      round(lane2, read32(bytes, at + 12), read32(bytes, at + 8))
      round(lane3, read32(bytes, at + 20), read32(bytes, at + 16))
      round(lane4, read32(bytes, at + 28), read32(bytes, at + 24))
    }
    rotated(lane1, 1)
    set(h, t.high, t.low)
    for (const [lane, bits] of MERGES) {
      rotated(lane, bits)
      add(h, t.high, t.low)
    }
    for (const lane of LANES) {
      set(k, 0, 0)
      round(k, lane.high, lane.low)
      xor(h, k)
      multiply(h, P1H, P1L)
      add(h, P4H, P4L)
    }
  } else {
    set(h, P5H, P5L)
    add(h, 0, seed)
  }
  add(h, 0, length)
  for (; at + 8 <= length; at += 8) {
    set(k, 0, 0)
    round(k, read32(bytes, at + 4), read32(bytes, at))
    xor(h, k)
    rotated(h, 27)
    set(h, t.high, t.low)
    multiply(h, P1H, P1L)
    add(h, P4H, P4L)
  }
  if (at + 4 <= length) {
    set(k, 0, read32(bytes, at))
    multiply(k, P1H, P1L)
    xor(h, k)
    rotated(h, 23)
    set(h, t.high, t.low)
    multiply(h, P2H, P2L)
    add(h, P3H, P3L)
    at += 4
  }
  for (; at < length; at++) {
    set(k, 0, bytes[at] as number)
    multiply(k, P5H, P5L)
    xor(h, k)
    rotated(h, 11)
    set(h, t.high, t.low)
    multiply(h, P1H, P1L)
  }
  shiftMix(h, 33)
  multiply(h, P2H, P2L)
  shiftMix(h, 29)
  multiply(h, P3H, P3L)
  shiftMix(h, 32)
  set(out, h.high, h.low)
}

/** Writes the 64-bit MurmurHash2 of `bytes[0..length)` with Envoy's seed to `out`. */
export function murmurHash2(bytes: Uint8Array, length: number, out: Hash64): void {
  set(k, 0, length)
  multiply(k, MURMUR_H, MURMUR_L)
  set(h, k.high, (k.low ^ MURMUR_SEED) >>> 0)
  let at = 0
  for (; at + 8 <= length; at += 8) {
    set(k, read32(bytes, at + 4), read32(bytes, at))
    multiply(k, MURMUR_H, MURMUR_L)
    shiftMix(k, 47)
    multiply(k, MURMUR_H, MURMUR_L)
    xor(h, k)
    multiply(h, MURMUR_H, MURMUR_L)
  }
  if (at < length) {
    set(k, 0, 0)
    for (let i = 0; at + i < length; i++) {
      if (i < 4) k.low = (k.low | ((bytes[at + i] as number) << (8 * i))) >>> 0
      else k.high = (k.high | ((bytes[at + i] as number) << (8 * (i - 4)))) >>> 0
    }
    xor(h, k)
    multiply(h, MURMUR_H, MURMUR_L)
  }
  shiftMix(h, 47)
  multiply(h, MURMUR_H, MURMUR_L)
  shiftMix(h, 47)
  set(out, h.high, h.low)
}

/** xxHash64 with seed 0 of a text: what tcp_proxy and udp_proxy make of source_ip (the address without port) and of a key. */
export function xxHash64Text(text: string): bigint {
  const bytes = encoder.encode(text)
  const out: Hash64 = { high: 0, low: 0 }
  xxHash64(bytes, bytes.length, 0, out)
  return (BigInt(out.high) << 32n) | BigInt(out.low)
}

/** `hash % divisor` for a divisor up to 2^21, or any u32 through two steps; exact. */
export function moduloU32(hash: Hash64, divisor: number): number {
  // 16 bits at a time keeps every product below 2^53
  let rest = hash.high % divisor
  rest = (rest * 0x10000 + (hash.low >>> 16)) % divisor
  return (rest * 0x10000 + (hash.low & 0xffff)) % divisor
}

const encoder = new TextEncoder()

const P1H = 0x9e3779b1,
  P1L = 0x85ebca87
const P2H = 0xc2b2ae3d,
  P2L = 0x27d4eb4f
const P3H = 0x165667b1,
  P3L = 0x9e3779f9
const P4H = 0x85ebca77,
  P4L = 0xc2b2ae63
const P5H = 0x27d4eb2f,
  P5L = 0x165667c5
const MURMUR_H = 0xc6a4a793,
  MURMUR_L = 0x5bd1e995
const MURMUR_SEED = 0xc70f6907

const zero = (): Hash64 => ({ high: 0, low: 0 })
const h = zero(),
  k = zero(),
  t = zero()
const lane1 = zero(),
  lane2 = zero(),
  lane3 = zero(),
  lane4 = zero()
const LANES = [lane1, lane2, lane3, lane4]
const MERGES: readonly (readonly [Hash64, number])[] = [
  [lane2, 7],
  [lane3, 12],
  [lane4, 18],
]

function set(x: Hash64, high: number, low: number): void {
  x.high = high >>> 0
  x.low = low >>> 0
}

function seedLane(x: Hash64, aH: number, aL: number, bH: number, bL: number, seed: number): void {
  set(x, aH, aL)
  add(x, bH, bL)
  add(x, 0, seed)
}

function add(x: Hash64, high: number, low: number): void {
  const sum = x.low + (low >>> 0)
  x.high = (x.high + high + (sum > 0xffffffff ? 1 : 0)) >>> 0
  x.low = sum >>> 0
}

function xor(x: Hash64, y: Hash64): void {
  x.high = (x.high ^ y.high) >>> 0
  x.low = (x.low ^ y.low) >>> 0
}

/** x ^= x >> bits */
function shiftMix(x: Hash64, bits: number): void {
  if (bits >= 32) {
    x.low = (x.low ^ (x.high >>> (bits - 32))) >>> 0
    return
  }
  const low = (x.low >>> bits) | (x.high << (32 - bits))
  x.low = (x.low ^ low) >>> 0
  x.high = (x.high ^ (x.high >>> bits)) >>> 0
}

/** t = x rotated left by 1 to 31 bits */
function rotated(x: Hash64, bits: number): void {
  t.high = ((x.high << bits) | (x.low >>> (32 - bits))) >>> 0
  t.low = ((x.low << bits) | (x.high >>> (32 - bits))) >>> 0
}

/** x = rotl(x + input * P2, 31) * P1 */
function round(x: Hash64, high: number, low: number): void {
  const xh = x.high
  const xl = x.low
  x.high = high
  x.low = low
  multiply(x, P2H, P2L)
  add(x, xh, xl)
  rotated(x, 31)
  x.high = t.high
  x.low = t.low
  multiply(x, P1H, P1L)
}

/** x *= y modulo 2^64; the low product is built from 16-bit halves */
function multiply(x: Hash64, high: number, low: number): void {
  const a0 = x.low & 0xffff
  const a1 = x.low >>> 16
  const b0 = low & 0xffff
  const b1 = low >>> 16
  const p00 = a0 * b0
  const p01 = a0 * b1
  const p10 = a1 * b0
  const middle = (p00 >>> 16) + (p01 & 0xffff) + (p10 & 0xffff)
  const carry = a1 * b1 + (p01 >>> 16) + (p10 >>> 16) + (middle >>> 16)
  x.high = (carry + Math.imul(x.high, low) + Math.imul(x.low, high)) >>> 0
  x.low = ((p00 & 0xffff) | (middle << 16)) >>> 0
}

function read32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0
  )
}
