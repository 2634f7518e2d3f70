/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Addresses as inet_ntop writes them, because Envoy hashes that text. In: 16 bytes. Out: up to 45 characters, the first in the lowest byte.
 *
 * The text is built from its end: what is new goes in front, by a shift of the whole buffer. So no byte is ever written at an offset that is
 * only known at run time, which the verifier takes only from programs with CAP_PERFMON. Functions are global, so that each is verified once.
 */
#pragma once
#include "address.h"

#define KM_TEXT_WORDS 6
#define KM_BITS_PER_BYTE 8
#define KM_WORD_BITS64 64
#define KM_GROUPS 8
#define KM_OCTETS 4
#define KM_RUN_SHIFT 8
#define KM_RUN_MASK 0xff

struct km_text {
  __u64 words[KM_TEXT_WORDS];
  __u32 length;
  __u32 pad;
};

/* Puts `bytes` characters, 1 to 7, in front. */
static __always_inline void km_prepend(struct km_text *text, __u64 chunk, __u32 bytes)
{
  __u32 up = bytes * KM_BITS_PER_BYTE;
  __u32 down = KM_WORD_BITS64 - up;
#pragma unroll
  for (int i = KM_TEXT_WORDS - 1; i > 0; i--)
    text->words[i] = text->words[i] << up | text->words[i - 1] >> down;
  text->words[0] = text->words[0] << up | chunk;
  text->length += bytes;
}

__noinline int km_prepend_character(struct km_text *text, __u32 character)
{
  if (text)
    km_prepend(text, character, 1);
  return 0;
}

/* 0 to 255, decimal */
__noinline int km_prepend_octet(struct km_text *text, __u32 octet)
{
  if (!text)
    return 0;
  octet &= 0xff;
  __u64 ones = '0' + octet % 10;
  __u64 tens = '0' + octet / 10 % 10;
  __u64 hundreds = '0' + octet / 100;
  if (octet >= 100)
    km_prepend(text, hundreds | tens << 8 | ones << 16, 3);
  else if (octet >= 10)
    km_prepend(text, tens | ones << 8, 2);
  else
    km_prepend(text, ones, 1);
  return 0;
}

static __always_inline __u64 km_digit(__u32 group, __u32 shift)
{
  __u32 nibble = group >> shift & 0xf;
  return nibble < 10 ? '0' + nibble : 'a' + nibble - 10;
}

/* 0 to 0xffff, hexadecimal without leading zeros */
__noinline int km_prepend_group(struct km_text *text, __u32 group)
{
  if (!text)
    return 0;
  group &= 0xffff;
  __u64 digits = km_digit(group, 12) | km_digit(group, 8) << 8 | km_digit(group, 4) << 16 | km_digit(group, 0) << 24;
  __u32 zeros = group > 0xfff ? 0 : group > 0xff ? 1 : group > 0xf ? 2 : 3;
  km_prepend(text, digits >> zeros * KM_BITS_PER_BYTE, sizeof(__u32) - zeros);
  return 0;
}

/* a.b.c.d in network order */
static __always_inline void km_prepend_v4(struct km_text *text, __u32 address)
{
  for (int i = KM_OCTETS - 1; i >= 0; i--) {
    km_prepend_octet(text, address >> i * KM_BITS_PER_BYTE & 0xff);
    if (i)
      km_prepend_character(text, '.');
  }
}

static __always_inline __u32 km_group(__u64 high, __u64 low, int i)
{
  __u64 half = i < KM_GROUPS / 2 ? high : low;
  return half >> (KM_GROUPS / 2 - 1 - i % (KM_GROUPS / 2)) * 16 & 0xffff;
}

/* The first longest run of two or more zero groups: first group | length << KM_RUN_SHIFT; 0: none. Halves in host order. */
__noinline __u32 km_zero_run(__u64 high, __u64 low)
{
  __u32 best = 0;
  __u32 best_length = 1;
  __u32 length = 0;
#pragma unroll
  for (int i = 0; i < KM_GROUPS; i++) {
    if (km_group(high, low, i)) {
      length = 0;
      continue;
    }
    length++;
    if (length > best_length) {
      best_length = length;
      best = (i + 1 - length) | length << KM_RUN_SHIFT;
    }
  }
  return best;
}

/* Group `i` and the colon in front of it, or what stands for the run of zeros. A function of its own: its branches do not multiply. */
__noinline int km_prepend_part(struct km_text *text, __u32 group, __u32 i, __u32 run)
{
  if (!text)
    return 0;
  __u32 first = run & KM_RUN_MASK;
  __u32 length = run >> KM_RUN_SHIFT & KM_RUN_MASK;
  if (length && i >= first && i < first + length) {
    if (i == first)
      km_prepend_character(text, ':');
    return 0;
  }
  km_prepend_group(text, group);
  if (i)
    km_prepend_character(text, ':');
  return 0;
}

__noinline int km_write_v6(struct km_text *text, __u64 high, __u64 low)
{
  if (!text)
    return 0;
  __u32 run = km_zero_run(high, low);
  __u32 first = run & KM_RUN_MASK;
  __u32 length = run >> KM_RUN_SHIFT & KM_RUN_MASK;
  /* inet_ntop writes the last 32 bits of ::a.b.c.d dotted. */
  int dotted = first == 0 && length == KM_GROUPS - 2;
  if (dotted) {
    km_prepend_v4(text, bpf_htonl(low));
    km_prepend_character(text, ':');
    km_prepend_character(text, ':');
    return 0;
  }
  if (length && first + length == KM_GROUPS)
    km_prepend_character(text, ':');
#pragma unroll
  for (int i = KM_GROUPS - 1; i >= 0; i--)
    km_prepend_part(text, km_group(high, low, i), i, run);
  return 0;
}

static __always_inline void km_write_address_text(struct km_text *text, const union km_address *address)
{
  if (km_is_v4(address))
    km_prepend_v4(text, address->words[3]);
  else
    km_write_v6(text, bpf_be64_to_cpu(address->halves[0]), bpf_be64_to_cpu(address->halves[1]));
}
