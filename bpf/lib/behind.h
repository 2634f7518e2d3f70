/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A place in a row at a distance that only the run knows. In: the row, the distance, which the caller has masked. Out: a pointer so many bytes behind it.
 *
 * The distance is the register that is added to. Where the pointer is, some kernels (Linux 6.18.44) say in their log that their verifier is wrong (reg_bounds_sanity_check), with a
 * stack trace, as soon as the sum is copied on a mispredicted way: its 32-bit half was left unknown. Without CAP_PERFMON the verifier walks along those.
 */
#pragma once
#include <linux/types.h>

static __always_inline void *km_behind(const void *row, __u64 distance)
{
  asm("%0 += %1" : "+r"(distance) : "r"(row));
  return (void *)distance;
}
