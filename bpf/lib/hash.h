/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xxHash64 with seed 0 over a text of at most 47 characters: what Envoy hashes a source address with (HashUtil::xxHash64).
 * compiler/balance/hash.vectors.ts holds the vectors that this and the compiler's own give.
 */
#pragma once
#include "text.h"

#define KM_XX_PRIME1 0x9E3779B185EBCA87ULL
#define KM_XX_PRIME2 0xC2B2AE3D27D4EB4FULL
#define KM_XX_PRIME3 0x165667B19E3779F9ULL
#define KM_XX_PRIME4 0x85EBCA77C2B2AE63ULL
#define KM_XX_PRIME5 0x27D4EB2F165667C5ULL
#define KM_XX_STRIPE 32
#define KM_XX_STRIPE_WORDS 4
#define KM_XX_WORD 8
#define KM_XX_HALF_WORD 4
#define KM_XX_TAIL_BYTES 3

static __always_inline __u64 km_rotate(__u64 value, int bits)
{
  return value << bits | value >> (KM_WORD_BITS64 - bits);
}

static __always_inline __u64 km_xx_round(__u64 lane, __u64 word)
{
  return km_rotate(lane + word * KM_XX_PRIME2, 31) * KM_XX_PRIME1;
}

static __always_inline __u64 km_xx_merge(__u64 hash, __u64 lane)
{
  return (hash ^ km_xx_round(0, lane)) * KM_XX_PRIME1 + KM_XX_PRIME4;
}

static __always_inline __u64 km_xx_stripe(const __u64 *words)
{
  __u64 a = km_xx_round(KM_XX_PRIME1 + KM_XX_PRIME2, words[0]);
  __u64 b = km_xx_round(KM_XX_PRIME2, words[1]);
  __u64 c = km_xx_round(0, words[2]);
  __u64 d = km_xx_round(-KM_XX_PRIME1, words[3]);
  __u64 hash = km_rotate(a, 1) + km_rotate(b, 7) + km_rotate(c, 12) + km_rotate(d, 18);
  return km_xx_merge(km_xx_merge(km_xx_merge(km_xx_merge(hash, a), b), c), d);
}

static __always_inline __u64 km_xx_finish(__u64 hash)
{
  hash = (hash ^ hash >> 33) * KM_XX_PRIME2;
  hash = (hash ^ hash >> 29) * KM_XX_PRIME3;
  return hash ^ hash >> 32;
}

/* Global: verified once. */
__noinline __u64 km_hash_text(const struct km_text *text)
{
  if (!text)
    return 0;
  __u32 length = text->length;
  int striped = length >= KM_XX_STRIPE;
  __u64 hash = (striped ? km_xx_stripe(text->words) : KM_XX_PRIME5) + length;
  __u64 tail = 0;
#pragma unroll
  for (int i = 0; i < KM_TEXT_WORDS; i++) {
    if (striped && i < KM_XX_STRIPE_WORDS)
      continue;
    if (length / KM_XX_WORD > i)
      hash = km_rotate(hash ^ km_xx_round(0, text->words[i]), 27) * KM_XX_PRIME1 + KM_XX_PRIME4;
    else if (length / KM_XX_WORD == i)
      tail = text->words[i];
  }
  if (length & KM_XX_HALF_WORD) {
    hash = km_rotate(hash ^ (__u32)tail * KM_XX_PRIME1, 23) * KM_XX_PRIME2 + KM_XX_PRIME3;
    tail >>= KM_XX_HALF_WORD * KM_BITS_PER_BYTE;
  }
  __u32 left = length & (KM_XX_HALF_WORD - 1);
#pragma unroll
  for (int i = 0; i < KM_XX_TAIL_BYTES; i++) {
    if (i < left)
      hash = km_rotate(hash ^ (tail & 0xff) * KM_XX_PRIME5, 11) * KM_XX_PRIME1;
    tail >>= KM_BITS_PER_BYTE;
  }
  return km_xx_finish(hash);
}
