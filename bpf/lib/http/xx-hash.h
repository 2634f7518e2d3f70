/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xxHash64 with seed 0 over a span of the head: what Envoy's hash policies make of headers, cookies and parameters. In: a span. Out: 64 bits.
 * compiler/balance/hash.ts gives the same.
 */
#pragma once
#include "../hash.h"
#include "text-hash.h"

#define KM_XX_STRIPE_SHIFT 5
#define KM_XX_WORD_SHIFT 3
#define KM_XX_STRIPES_MAX (KM_HEAD_MAX / KM_XX_STRIPE)

static long km_xx_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  __u64 *lanes = request->acting.lanes;
  __u32 at = request->work.hash_at + (step << KM_XX_STRIPE_SHIFT);
#pragma unroll
  for (int i = 0; i < KM_XX_STRIPE_WORDS; i++)
    lanes[i] = km_xx_round(lanes[i], km_word(request, at + i * KM_XX_WORD));
  return KM_NEXT;
}

/* The last word, of which `left` bytes count: less than 8. Global: verified once. */
__noinline __u64 km_xx_end(__u64 hash, __u64 word, __u32 left)
{
  if (left & KM_XX_HALF_WORD) {
    hash = km_rotate(hash ^ (__u32)word * KM_XX_PRIME1, 23) * KM_XX_PRIME2 + KM_XX_PRIME3;
    word >>= KM_XX_HALF_WORD * KM_BITS_PER_BYTE;
  }
  left &= KM_XX_HALF_WORD - 1;
#pragma unroll
  for (int i = 0; i < KM_XX_TAIL_BYTES; i++) {
    if (i < left)
      hash = km_rotate(hash ^ (word & 0xff) * KM_XX_PRIME5, 11) * KM_XX_PRIME1;
    word >>= KM_BITS_PER_BYTE;
  }
  return km_xx_finish(hash);
}

/* A whole word of what is left of less than a stripe. */
static long km_xx_word_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  __u64 word = km_word(request, request->work.hash_at);
  request->work.hash_at += KM_XX_WORD;
  request->acting.lanes[0] = km_rotate(request->acting.lanes[0] ^ km_xx_round(0, word), 27) * KM_XX_PRIME1 + KM_XX_PRIME4;
  return KM_NEXT;
}

static __always_inline __u64 km_xx_tail(struct km_request *request, __u64 hash, __u32 at, __u32 left)
{
  request->acting.lanes[0] = hash;
  request->work.hash_at = at;
  __u32 slot = request->slot;
  bpf_loop(left >> KM_XX_WORD_SHIFT, km_xx_word_step, &slot, 0);
  __u64 word = km_word(request, request->work.hash_at);
  return km_xx_end(request->acting.lanes[0], word, left & (KM_XX_WORD - 1));
}

/* Global: verified once. */
__noinline __u64 km_xx_span(struct km_request *given, __u32 at, __u32 length)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return 0;
  __u64 *lanes = request->acting.lanes;
  __u32 slot = request->slot;
  if (length < KM_XX_STRIPE)
    return km_xx_tail(request, KM_XX_PRIME5 + length, at, length);
  lanes[0] = KM_XX_PRIME1 + KM_XX_PRIME2;
  lanes[1] = KM_XX_PRIME2;
  lanes[2] = 0;
  lanes[3] = -KM_XX_PRIME1;
  request->work.hash_at = at;
  bpf_loop(length >> KM_XX_STRIPE_SHIFT & (KM_XX_STRIPES_MAX - 1), km_xx_step, &slot, 0);
  __u64 hash = km_rotate(lanes[0], 1) + km_rotate(lanes[1], 7) + km_rotate(lanes[2], 12) + km_rotate(lanes[3], 18);
#pragma unroll
  for (int i = 0; i < KM_XX_STRIPE_WORDS; i++)
    hash = km_xx_merge(hash, lanes[i]);
  return km_xx_tail(request, hash + length, at + (length & ~(KM_XX_STRIPE - 1)), length & (KM_XX_STRIPE - 1));
}
