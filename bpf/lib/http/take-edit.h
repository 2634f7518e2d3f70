/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Edits of a response, taken along by its request. In: a request that has claimed its upstream, and the rows of its target. Out: a row of km_edit that has a copy of them.
 * Invariant: a row is its upstream's while that is no idle connection of its pool. So nobody has to give it back, and one whose upstream is gone is free.
 */
#pragma once
#include "edit-row.h"
#include "name.h"
#include "upstream.h"

#define KM_EDIT_ROW_WORDS (KM_HTTP_ROW_SIZE / KM_WORD_BYTES)
#define KM_EDIT_ROWS_SEEN 32

/* Nobody's, or that of the upstream which is claimed just now. */
static __always_inline int km_edit_is_free(__u64 taken, __u64 mine)
{
  __u64 cookie = taken & ~KM_EDIT_TURN;
  if (!cookie || cookie == mine)
    return 1;
  struct km_upstream *upstream = km_upstream_of(cookie);
  return !upstream || km_is_idle(upstream);
}

/* A row for the upstream, as its number + 1; 0: all that it may have are taken. */
static __noinline __u32 km_take_edit(__u64 upstream)
{
#pragma unroll
  for (int i = 0; i < KM_EDIT_PROBES; i++) {
    __u32 row = upstream + i & (KM_EDITS - 1);
    struct km_edit *edit = bpf_map_lookup_elem(&km_edit, &row);
    if (!edit)
      return 0;
    __u64 taken = *(volatile __u64 *)&edit->taken;
    if (km_edit_is_free(taken, upstream) && __sync_val_compare_and_swap(&edit->taken, taken, upstream | (~taken & KM_EDIT_TURN)) == taken)
      return row + 1;
  }
  return 0;
}

static long km_copy_edit_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  struct km_edit *edit = request ? km_edit_at(request->edit) : NULL;
  const __u64 *from = edit ? km_http_row(request, request->edits + step) : NULL;
  if (!from) {
    request = km_scratch_at(slot);
    if (request)
      request->edit = 0;
    return KM_STOP;
  }
  __u32 at = step & (KM_EDIT_ROWS_SEEN - 1);
  barrier_var(at);
  __u64 *to = edit->rows + at * KM_EDIT_ROW_WORDS;
#pragma unroll
  for (int i = 0; i < KM_EDIT_ROW_WORDS; i++)
    to[i] = from[i];
  return KM_NEXT;
}

/* 0: they cannot be taken along. */
__noinline int km_take_edits(struct km_request *given)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return 0;
  __u32 slot = request->slot;
  request->edit = km_take_edit(request->way.upstream);
  if (!request->edit)
    return 0;
  bpf_loop(request->edit_rows & (2 * KM_EDIT_ROWS_SEEN - 1), km_copy_edit_step, &slot, 0);
  return request->edit != 0;
}
