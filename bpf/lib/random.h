/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Random numbers. 64 bits, so that the remainder of a division by anything that fits in 32 bits is even to one part in 2^32.
 */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* A step of a full-period generator (Knuth), which makes more numbers of one. */
#define KM_NEXT_FACTOR 6364136223846793005ULL
#define KM_NEXT_STEP 1442695040888963407ULL

static __always_inline __u64 km_random(void)
{
  return (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
}

/* Another number, the same one for the same number; the high bits are the good ones. */
static __always_inline __u64 km_next_random(__u64 number)
{
  return number * KM_NEXT_FACTOR + KM_NEXT_STEP;
}
