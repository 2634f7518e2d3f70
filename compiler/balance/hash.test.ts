import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Hash64, moduloU32, murmurHash2, xxHash64, xxHash64Text } from './hash.ts'
import { PUBLISHED_VECTORS, SOURCE_VECTORS } from './hash.vectors.ts'

const MASK = (1n << 64n) - 1n
const whole = ({ high, low }: Hash64): bigint => (BigInt(high) << 32n) | BigInt(low)
const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 151 + length * 7 + 3) & 0xff)
const number = (bytes: Uint8Array, at: number, width: number): bigint => {
  let value = 0n
  for (let i = width - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i] as number)
  return value
}

/** The published algorithm in BigInt, straight from its specification. */
function slowXxHash64(bytes: Uint8Array, seed: bigint): bigint {
  const [p1, p2, p3, p4, p5] = [
    0x9e3779b185ebca87n,
    0xc2b2ae3d27d4eb4fn,
    0x165667b19e3779f9n,
    0x85ebca77c2b2ae63n,
    0x27d4eb2f165667c5n,
  ] as const
  const rotate = (x: bigint, bits: bigint): bigint => ((x << bits) | (x >> (64n - bits))) & MASK
  const round = (lane: bigint, input: bigint): bigint => (rotate((lane + input * p2) & MASK, 31n) * p1) & MASK
  let at = 0
  let hash = (seed + p5) & MASK
  if (bytes.length >= 32) {
    let lanes = [(seed + p1 + p2) & MASK, (seed + p2) & MASK, seed, (seed - p1) & MASK]
    for (; at + 32 <= bytes.length; at += 32) lanes = lanes.map((lane, i) => round(lane, number(bytes, at + 8 * i, 8)))
    hash = [1n, 7n, 12n, 18n].reduce((sum, bits, i) => (sum + rotate(lanes[i] as bigint, bits)) & MASK, 0n)
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * p1 + p4) & MASK
  }
  hash = (hash + BigInt(bytes.length)) & MASK
  for (; at + 8 <= bytes.length; at += 8) hash = (rotate(hash ^ round(0n, number(bytes, at, 8)), 27n) * p1 + p4) & MASK
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((number(bytes, at, 4) * p1) & MASK), 23n) * p2 + p3) & MASK
    at += 4
  }
  for (; at < bytes.length; at++) hash = (rotate(hash ^ ((BigInt(bytes[at] as number) * p5) & MASK), 11n) * p1) & MASK
  hash = ((hash ^ (hash >> 33n)) * p2) & MASK
  hash = ((hash ^ (hash >> 29n)) * p3) & MASK
  return hash ^ (hash >> 32n)
}

function slowMurmurHash2(bytes: Uint8Array): bigint {
  const m = 0xc6a4a7935bd1e995n
  const mix = (x: bigint): bigint => x ^ (x >> 47n)
  let hash = 0xc70f6907n ^ ((BigInt(bytes.length) * m) & MASK)
  let at = 0
  for (; at + 8 <= bytes.length; at += 8) hash = ((hash ^ ((mix((number(bytes, at, 8) * m) & MASK) * m) & MASK)) * m) & MASK
  if (at < bytes.length) hash = ((hash ^ number(bytes, at, bytes.length - at)) * m) & MASK
  return mix((mix(hash) * m) & MASK)
}

test('published vectors of xxHash64', () => {
  for (const { text, hash } of PUBLISHED_VECTORS) assert.is(xxHash64Text(text), hash, text)
})

test('vectors of the source hash', () => {
  for (const { text, hash } of SOURCE_VECTORS) {
    assert.is(xxHash64Text(text), hash, text)
    assert.is(slowXxHash64(new TextEncoder().encode(text), 0n), hash, text)
  }
})

test('xxHash64 at every length, with seeds', () => {
  const out: Hash64 = { high: 0, low: 0 }
  for (let length = 0; length < 140; length++) {
    for (const seed of [0, 1, 0xffffffff]) {
      const bytes = bytesOf(length)
      xxHash64(bytes, length, seed, out)
      assert.is(whole(out), slowXxHash64(bytes, BigInt(seed)), `${length} bytes, seed ${seed}`)
    }
  }
})

test('MurmurHash2 at every length', () => {
  const out: Hash64 = { high: 0, low: 0 }
  for (let length = 0; length < 70; length++) {
    const bytes = bytesOf(length)
    murmurHash2(bytes, length, out)
    assert.is(whole(out), slowMurmurHash2(bytes), `${length} bytes`)
  }
})

test('modulo by any u32', () => {
  for (const hash of [0n, 1n, MASK, 0x123456789abcdef0n, 0xffffffff00000000n]) {
    for (const divisor of [1, 2, 100, 65537, 5000011, 0xffffffff]) {
      assert.is(
        BigInt(moduloU32({ high: Number(hash >> 32n), low: Number(hash & 0xffffffffn) }, divisor)),
        hash % BigInt(divisor),
        `${hash} % ${divisor}`,
      )
    }
  }
})

test.run()
