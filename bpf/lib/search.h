/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Binary search over cumulative weights in km_endpoint. In: a run of groups or endpoints and a point below their total. Out: where the point falls.
 */
#pragma once
#include "loop.h"
#include "socket.h"

/* For walks, whose contexts are on the stack. */
static __always_inline void *km_row(struct km_rows rows, __u32 position)
{
  __u32 row = rows.first + position;
  void *table = bpf_map_lookup_elem(&km_endpoint, &rows.epoch);
  return table ? bpf_map_lookup_elem(table, &row) : NULL;
}

struct km_search {
  struct km_rows rows;
  __u32 at;
  __u32 left;
  __u32 point;
};

static long km_group_step(__u32 step, struct km_search *search)
{
  __u32 half = search->left / 2;
  const struct km_group *group = km_row(search->rows, search->at + half - 1);
  if (!half || !group)
    return KM_STOP;
  if (group->upto <= search->point)
    search->at += half;
  search->left -= half;
  return KM_NEXT;
}

static long km_endpoint_step(__u32 step, struct km_search *search)
{
  __u32 half = search->left / 2;
  const struct km_endpoint *endpoint = km_row(search->rows, search->at + half - 1);
  if (!half || !endpoint)
    return KM_STOP;
  if (endpoint->upto <= search->point)
    search->at += half;
  search->left -= half;
  return KM_NEXT;
}

/* Positions: of the first group, or endpoint, whose cumulative weight exceeds the point; the last one's always does. */
static __always_inline __u32 km_search_group(struct km_rows rows, __u32 first, __u32 count, __u32 point)
{
  struct km_search search = { .rows = rows, .at = first, .left = count, .point = point };
  bpf_loop(KM_SEARCH_STEPS, km_group_step, &search, 0);
  return search.at;
}

static __always_inline __u32 km_search_endpoint(struct km_rows rows, __u32 first, __u32 count, __u32 point)
{
  struct km_search search = { .rows = rows, .at = first, .left = count, .point = point };
  bpf_loop(KM_SEARCH_STEPS, km_endpoint_step, &search, 0);
  return search.at;
}
