/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Edits of a response, taken along by its request. In: a request that has claimed its upstream, and the rows of its target. Out: a row of km_edit that has a copy of them.
 */
#pragma once
#include "edit-row.h"
#include "name.h"
#include "own-row.h"

#define KM_EDIT_ROW_WORDS (KM_HTTP_ROW_SIZE / KM_WORD_BYTES)
#define KM_EDIT_ROWS_SEEN 32

/* A row for the upstream, as its number + 1; 0: all that it may have are taken. */
static __noinline __u32 km_take_edit(__u64 upstream)
{
#pragma unroll
  for (int i = 0; i < KM_EDIT_PROBES; i++) {
    __u32 row = upstream + i & (KM_EDITS - 1);
    struct km_edit *edit = bpf_map_lookup_elem(&km_edit, &row);
    if (!edit)
      return 0;
    if (km_take_row(&edit->taken, upstream))
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
