/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * RING_HASH: the first entry of the ring at or after the hash, the first one of all behind the last (Envoy: RingHashLoadBalancer::Ring::chooseHost).
 */
#pragma once
#include "choice.h"

#define KM_RING_ROW_SHIFT 1
#define KM_RING_ROW_MASK 1

struct km_ring_search {
  struct km_rows rows;
  __u64 hash;
  __u32 table;
  __u32 entry;
  __u32 left;
};

static __always_inline const struct km_ring *km_ring_row(struct km_rows rows, __u32 table, __u32 entry)
{
  return km_row(rows, table + (entry >> KM_RING_ROW_SHIFT));
}

/*
 * One halving of the entries, and the one behind the last, whose position is not before the hash. The barriers keep
 * clang from loading at a chosen offset, which the verifier takes only from programs with CAP_PERFMON.
 */
static long km_ring_step(__u32 step, struct km_ring_search *search)
{
  if (!search->left)
    return KM_STOP;
  __u32 half = search->left / 2;
  __u32 middle = search->entry + half;
  const struct km_ring *row = km_ring_row(search->rows, search->table, middle);
  if (!row)
    return KM_STOP;
  __u64 even = row->hash[0];
  __u64 odd = row->hash[1];
  barrier_var(even);
  barrier_var(odd);
  __u64 position = middle & KM_RING_ROW_MASK ? odd : even;
  if (position < search->hash) {
    search->entry = middle + 1;
    search->left -= half + 1;
  } else {
    search->left = half;
  }
  return KM_NEXT;
}

static __always_inline __u32 km_pick_on_ring(struct km_choice *choice, const struct km_tier *tier, const struct km_group *group)
{
  struct km_ring_search search = { .rows = choice->rows, .hash = choice->hash, .table = tier->table, .left = tier->entries };
  bpf_loop(KM_SEARCH_STEPS, km_ring_step, &search, 0);
  __u32 entry = search.entry < tier->entries ? search.entry : 0;
  const struct km_ring *row = km_ring_row(choice->rows, tier->table, entry);
  if (!row)
    return KM_MISSING;
  __u32 even = row->index[0];
  __u32 odd = row->index[1];
  barrier_var(even);
  barrier_var(odd);
  return group->first + (entry & KM_RING_ROW_MASK ? odd : even);
}
