/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * LEAST_REQUEST by live connections. Equal weights: the least loaded of choice_count endpoints drawn at random, or of all (full scan); of equals,
 * the first drawn, in a full scan any. Different weights: in proportion to weight * factor(active), where the table of factors holds
 * 1 / (active + 1)^active_request_bias (Envoy: LeastRequestLoadBalancer).
 * Endpoints looked at in one decision are bounded. Of a longer list a full scan sees a window that begins at random, and a choice by share sees
 * endpoints drawn by weight, which then share by factor alone: in proportion again, the nearer the more are drawn.
 */
#pragma once
#include "choice.h"

#define KM_LEAST_SCAN_MAX 64
#define KM_LEAST_DRAWS 16
#define KM_FACTORS_PLAIN 128
#define KM_FACTORS_PLAIN_LOG 7
#define KM_FACTORS_LAST 255
#define KM_FACTORS_FRACTION_BITS 3
#define KM_FACTORS_ROW_SHIFT 3
#define KM_FACTORS_ROW_MASK 7
#define KM_RANDOM_SHIFT 32
#define KM_WORD_BITS 32
#define KM_SIGN_BIT 63
/* More live connections than there can be: the first endpoint looked at has fewer. */
#define KM_NOBODY_YET 0xffffffff

/* A draw below `count`, by a cheap step from one random number. */
static __always_inline __u32 km_draw(__u64 *seed, __u32 count)
{
  *seed = km_next_random(*seed);
  return (*seed >> KM_RANDOM_SHIFT) * count >> KM_RANDOM_SHIFT;
}

/* A walk over endpoints, and the one it would choose so far, as an index into the group. */
struct km_least {
  __u64 seed;
  __u64 sum;
  struct km_rows rows;
  __u32 bias;
  __u32 first;
  __u32 count;
  __u32 total;
  __u32 start;
  __u32 found;
  __u32 active;
  __u32 equals;
};

static __always_inline const struct km_endpoint *km_candidate(const struct km_least *least, __u32 index)
{
  return km_row(least->rows, least->first + index);
}

static __always_inline const __u32 *km_active_of(const struct km_endpoint *endpoint)
{
  struct km_state *state = km_state_at(endpoint->state);
  return state ? &state->active : NULL;
}

static __always_inline __u32 km_in_window(const struct km_least *least, __u32 step)
{
  __u32 at = least->start + step;
  return at < least->count ? at : at - least->count;
}

static long km_drawn_step(__u32 step, struct km_least *least)
{
  __u32 at = km_draw(&least->seed, least->count);
  const struct km_endpoint *endpoint = km_candidate(least, at);
  if (!endpoint)
    return KM_STOP;
  const __u32 *active = km_active_of(endpoint);
  if (!active)
    return KM_STOP;
  __u32 live = *active;
  if (live >= least->active)
    return KM_NEXT;
  least->found = at;
  least->active = live;
  return KM_NEXT;
}

/* Equals are drawn among: the n-th of them takes the place with chance 1/n. */
static long km_least_step(__u32 step, struct km_least *least)
{
  __u32 at = km_in_window(least, step);
  const struct km_endpoint *endpoint = km_candidate(least, at);
  if (!endpoint)
    return KM_STOP;
  const __u32 *active = km_active_of(endpoint);
  if (!active)
    return KM_STOP;
  __u32 live = *active;
  if (live > least->active)
    return KM_NEXT;
  least->equals = live == least->active ? least->equals + 1 : 1;
  if (km_draw(&least->seed, least->equals))
    return KM_NEXT;
  least->found = at;
  least->active = live;
  return KM_NEXT;
}

/* The sign of a difference instead of a comparison: branches here would multiply with those of the walk for the verifier. */
static __always_inline __u32 km_log2(__u64 value)
{
  __u32 log = 0;
#pragma unroll
  for (__u32 bits = KM_WORD_BITS / 2; bits; bits /= 2) {
    __u64 room = (1ULL << bits) - 1 - value;
    barrier_var(room);
    __u32 up = (room >> KM_SIGN_BIT) * bits;
    value >>= up;
    log += up;
  }
  return log;
}

/*
 * Which factor stands for so many live connections (proto/abi.ts, km_slots). Global, so that the verifier sees one unknown number come back: with
 * a range of its own on each path, it refuses the index made of it ("tried to add from different paths", without CAP_PERFMON).
 */
__noinline __u32 km_factor_slot(__u32 active)
{
  if (active < KM_FACTORS_PLAIN)
    return active;
  __u32 log = km_log2(active);
  __u32 fraction = active >> (log - KM_FACTORS_FRACTION_BITS) & ((1 << KM_FACTORS_FRACTION_BITS) - 1);
  __u32 slot = KM_FACTORS_PLAIN + ((log - KM_FACTORS_PLAIN_LOG) << KM_FACTORS_FRACTION_BITS) + fraction;
  return slot < KM_FACTORS_LAST ? slot : KM_FACTORS_LAST;
}

/* An endpoint takes the place of those before it with the chance that its share has of all shares so far. No share is 0. */
static __always_inline long km_compare_share(struct km_least *least, __u32 at, const struct km_endpoint *endpoint, __u32 weight)
{
  const __u32 *active = km_active_of(endpoint);
  if (!active)
    return KM_STOP;
  __u32 slot = km_factor_slot(*active);
  const struct km_slots *row = km_row(least->rows, least->bias + (slot >> KM_FACTORS_ROW_SHIFT));
  if (!row)
    return KM_STOP;
  __u64 share = (__u64)weight * row->value[slot & KM_FACTORS_ROW_MASK];
  least->sum += share;
  least->seed = km_next_random(least->seed);
  if ((least->seed ^ least->seed >> KM_RANDOM_SHIFT) % least->sum < share)
    least->found = at;
  return KM_NEXT;
}

static long km_share_of_step(__u32 step, struct km_least *least)
{
  __u32 at = km_in_window(least, step);
  const struct km_endpoint *endpoint = km_candidate(least, at);
  return endpoint ? km_compare_share(least, at, endpoint, endpoint->weight) : KM_STOP;
}

static long km_drawn_share_step(__u32 step, struct km_least *least)
{
  __u32 at = km_search_endpoint(least->rows, least->first, least->count, km_draw(&least->seed, least->total)) - least->first;
  const struct km_endpoint *endpoint = km_candidate(least, at);
  return endpoint ? km_compare_share(least, at, endpoint, 1) : KM_STOP;
}

static __always_inline __u32 km_pick_least(struct km_choice *choice, const struct km_tier *tier, const struct km_group *group)
{
  struct km_least least = {
    .seed = km_random(), .rows = choice->rows, .bias = choice->bias, .first = group->first,
    .count = group->count, .total = group->total, .active = KM_NOBODY_YET,
  };
  least.start = km_draw(&least.seed, least.count);
  __u32 all = group->count < KM_LEAST_SCAN_MAX ? group->count : KM_LEAST_SCAN_MAX;
  __u32 draws = choice->choice_count < KM_LEAST_SCAN_MAX ? choice->choice_count : KM_LEAST_SCAN_MAX;
  __u32 weighted = choice->bias && !(group->flags & KM_GROUP_EQUAL);
  if (weighted && group->count > KM_LEAST_SCAN_MAX)
    bpf_loop(KM_LEAST_DRAWS, km_drawn_share_step, &least, 0);
  else if (weighted)
    bpf_loop(all, km_share_of_step, &least, 0);
  else if (choice->flags & KM_CLUSTER_FULL_SCAN)
    bpf_loop(all, km_least_step, &least, 0);
  else
    bpf_loop(draws, km_drawn_step, &least, 0);
  return least.first + least.found;
}
