/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Words of a head, and the hash of a text; proto/http/text-hash.ts says how it is made. In: a span of the head. Out: 64 bits.
 */
#pragma once
#include "../loop.h"
#include "scratch.h"

#define KM_HASH_SEED 0x9e3779b97f4a7c15ULL
#define KM_HASH_FACTOR 0xd6e8feb86659fd93ULL
#define KM_WORD_BYTES 8
#define KM_WORD_SHIFT 3
#define KM_BYTE_BITS 8
#define KM_LINE_END 0x0a0d
#define KM_LINE_END_BYTES 2
#define KM_ONES 0x0101010101010101ULL
#define KM_HIGHS 0x8080808080808080ULL
#define KM_LOWS 0x7f7f7f7f7f7f7f7fULL
/* Letters in lower case, of bytes that a name may have: no two others of these become one. */
#define KM_CASE (KM_ONES * 0x20)

/* Where words of the head begin, up to KM_HEAD_PAD bytes of which may be read: one addition for the verifier, however many of them are. */
static __always_inline const __u64 *km_words(const struct km_request *request, __u32 at)
{
  at &= KM_HEAD_MAX - 1;
  barrier_var(at);
  return (const __u64 *)((const struct km_request *)km_behind(request, at))->head;
}

/* Eight bytes of the head, the first in the lowest place. Whoever asks keeps to the text; what is behind the head is zero. */
static __always_inline __u64 km_word(const struct km_request *request, __u32 at)
{
  return *km_words(request, at);
}

static __always_inline __u32 km_byte(const struct km_request *request, __u32 at)
{
  return *(const __u8 *)km_words(request, at);
}

/*
 * All ones where a signed number is below zero, else 0. What decides about words is masked, not branched on: without CAP_PERFMON the verifier also walks along
 * mispredicted branches, which multiplies. The barrier keeps clang from making a branch of it.
 */
static __always_inline __u64 km_if_negative(__s64 number)
{
  barrier_var(number);
  __u64 mask = number >> 63;
  barrier_var(mask);
  return mask;
}

/* The first bytes of a word. */
static __always_inline __u64 km_keep(__u64 word, __u32 bytes)
{
  __u64 whole = km_if_negative((__s64)KM_WORD_BYTES - 1 - (__s64)(__u64)bytes);
  return word & ((1ULL << (bytes & (KM_WORD_BYTES - 1)) * KM_BYTE_BITS) - 1 | whole);
}

/* The same for a number that may be below zero: then nothing of it. */
static __always_inline __u64 km_keep_some(__u64 word, __s64 bytes)
{
  return km_keep(word, bytes & ~km_if_negative(bytes));
}

/* Bit 7 of each byte that equals the byte; exact, so that the last one can be told. */
static __always_inline __u64 km_bytes_equal(__u64 word, __u8 byte)
{
  __u64 differ = word ^ KM_ONES * byte;
  return ~(((differ & KM_LOWS) + KM_LOWS) | differ | KM_LOWS);
}

/* The number of the lowest byte whose bit 7 is set. */
static __always_inline __u32 km_first_byte(__u64 marks)
{
  marks >>= 7;
  return (((marks - 1) & ~marks & KM_ONES) * KM_ONES) >> 56;
}

/* The number of the lowest bit: how many there are below it. */
static __always_inline __u32 km_lowest_bit(__u64 bits)
{
  __u64 below = (bits & -bits) - 1;
  below -= below >> 1 & 0x5555555555555555ULL;
  below = (below & 0x3333333333333333ULL) + (below >> 2 & 0x3333333333333333ULL);
  below = (below + (below >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
  return below * KM_ONES >> 56;
}

/* Bit 5 of each byte that is A to Z. */
static __always_inline __u64 km_capitals(__u64 word)
{
  __u64 low = word & KM_LOWS;
  __u64 from_a = low + KM_ONES * (0x80 - 'A');
  __u64 behind_z = low + KM_ONES * (0x80 - 'Z' - 1);
  return (from_a & ~behind_z & ~word & KM_HIGHS) >> 2;
}

/* A to Z in lower case, in all eight bytes. */
static __always_inline __u64 km_lower(__u64 word)
{
  return word | km_capitals(word);
}

/* The same if `fold` is 1; it is 0 else. */
static __always_inline __u64 km_folded(__u64 word, __u32 fold)
{
  return word | (km_capitals(word) & -(__u64)fold);
}

static __always_inline __u64 km_mix(__u64 state, __u64 word)
{
  __u64 mixed = (state ^ word) * KM_HASH_FACTOR;
  return mixed ^ mixed >> 32;
}

static long km_hash_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  struct km_work *work = &request->work;
  __u64 word = km_folded(km_word(request, work->hash_at), work->hash_fold);
  work->marks |= km_bytes_equal(word, ':');
  work->hash = km_mix(work->hash, word);
  work->hash_at += KM_WORD_BYTES;
  return KM_NEXT;
}

/* Most texts are no longer: their words are mixed here, those of longer ones in a loop, every step of which is a call. */
#define KM_SHORT_WORDS 4

/*
 * The hash of a span of the head, less than KM_HASH_WORDS words. `fold`: of its lower case. work.marks tells whether it has a colon.
 */
static __always_inline __u64 km_hash_here(struct km_request *request, __u32 at, __u32 length, __u32 fold)
{
  struct km_work *work = &request->work;
  __u32 words = length >> KM_WORD_SHIFT & (KM_HASH_WORDS - 1);
  work->marks = 0;
  work->hash = KM_HASH_SEED;
  work->hash_at = at;
  work->hash_fold = fold;
  if (words > KM_SHORT_WORDS) {
    __u32 slot = request->slot;
    bpf_loop(words, km_hash_step, &slot, 0);
  } else {
    const __u64 *from = km_words(request, at);
    __u64 hash = KM_HASH_SEED;
    __u64 marks = 0;
#pragma unroll
    for (int i = 0; i < KM_SHORT_WORDS; i++) {
      /* Not a loop of so many rounds for clang, which would not unroll it. */
      barrier_var(words);
      if (i >= words)
        break;
      __u64 word = km_folded(from[i], fold);
      marks |= km_bytes_equal(word, ':');
      hash = km_mix(hash, word);
    }
    work->hash = hash;
    work->marks = marks;
    work->hash_at = at + (words << KM_WORD_SHIFT);
  }
  __u64 word = km_keep(km_folded(km_word(request, work->hash_at), work->hash_fold), length & (KM_WORD_BYTES - 1));
  work->marks |= km_bytes_equal(word, ':');
  return km_mix(work->hash, word);
}

/* Global: verified once. */
__noinline __u64 km_hash_span(struct km_request *given, __u32 at, __u32 length, __u32 fold)
{
  struct km_request *request = km_scratch_of(given);
  return request ? km_hash_here(request, at, length, fold) : 0;
}
