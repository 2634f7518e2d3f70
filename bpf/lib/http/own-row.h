/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rows that a request takes along (km_edit, km_kept). In: the word of a row that says whose it is, an upstream that is claimed. Out: whether it is that upstream's now.
 * Invariant: a row is its upstream's while that is no idle connection of its pool. So nobody has to give it back, and one whose upstream is gone is free.
 */
#pragma once
#include "upstream.h"

/* Nobody's, or that of the upstream which is claimed just now. */
static __always_inline int km_row_is_free(__u64 taken, __u64 mine)
{
  __u64 cookie = taken & ~KM_ROW_TURN;
  if (!cookie || cookie == mine)
    return 1;
  struct km_upstream *upstream = km_upstream_of(cookie);
  return !upstream || km_is_idle(upstream);
}

static __always_inline int km_take_row(__u64 *word, __u64 upstream)
{
  __u64 taken = *(volatile __u64 *)word;
  return km_row_is_free(taken, upstream) && __sync_val_compare_and_swap(word, taken, upstream | (~taken & KM_ROW_TURN)) == taken;
}
