/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP filters in front of the router: who is denied, whom a fault is dealt, who comes too often. In: the first km_guard. Out: whether the request goes on, is
 * answered (acting.reply is the action) or is one for user space. A condition that cannot be answered ends in user space.
 */
#pragma once
#include "../random.h"
#include "../state.h"
#include "all-features.h"
#include "condition.h"

#define KM_GUARD_PASSES 0
#define KM_BUCKET_TRIES 8
#define KM_GUARD_SALT 0x9e3779b97f4a7c15ULL
#define KM_GOOD_BITS 32

/* Whether it is one of numerator / denominator of all requests; another draw for each row. */
static __always_inline int km_falls_in(const struct km_request *request, __u32 row, __u32 numerator, __u32 denominator)
{
  if (!denominator)
    return 1;
  return (km_next_random(request->random ^ row * KM_GUARD_SALT) >> KM_GOOD_BITS) % denominator < numerator;
}

/* Buckets begin long before the machine did: one that takes longer to fill than that runs is full at first all the same. */
#define KM_BUCKET_EPOCH (1ULL << 62)

/* 1: there was a token, and it is taken. */
static __always_inline int km_take_token(struct km_state *state, const struct km_bucket *bucket)
{
  __u64 now = KM_BUCKET_EPOCH + bpf_ktime_get_ns();
  __u64 full = now - bucket->burst;
  for (int i = 0; i < KM_BUCKET_TRIES; i++) {
    __u64 held = *(volatile __u64 *)&state->cursor;
    __u64 next = (held > full ? held : full) + bucket->cost;
    if (next > now)
      return 0;
    if (__sync_val_compare_and_swap(&state->cursor, held, next) == held)
      return 1;
  }
  return 0;
}

/* Not limited: KM_GUARD_PASSES. */
static __always_inline int km_limit(struct km_request *request, const struct km_guard *guard)
{
  __u32 row = guard->bucket;
  const struct km_bucket *bucket = km_http_row(request, row);
  struct km_state *state = km_state_at(guard->state);
  if (!bucket || !state)
    return KM_HTTP_SLOW;
  if (bucket->cost && km_take_token(state, bucket))
    return KM_GUARD_PASSES;
  return km_falls_in(request, row, bucket->numerator, bucket->denominator) ? KM_HTTP_REPLY : KM_GUARD_PASSES;
}

/* One guard: KM_GUARD_PASSES with the next one in acting.guard, KM_HTTP_REPLY with acting.reply, or KM_HTTP_SLOW with the reason. Global: verified once. */
__noinline int km_guard(struct km_request *given, __u32 row)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_HTTP_SLOW;
  const struct km_guard *guard = km_http_row(request, row);
  if (!guard) {
    request->reason = KM_SLOW_TABLE;
    return KM_HTTP_SLOW;
  }
  request->acting.guard = guard->next;
  request->acting.reply = guard->reply;
  __u32 holds = km_judge(request, guard->condition);
  if (holds == KM_CONDITION_SLOW) {
    request->reason = KM_SLOW_CONDITION;
    return KM_HTTP_SLOW;
  }
  __u32 acts = guard->flags & KM_GUARD_UNLESS ? KM_CONDITION_NO : KM_CONDITION_YES;
  if (holds != acts)
    return KM_GUARD_PASSES;
  __u32 kind = guard->kind;
  __u32 draws = kind == KM_GUARD_LIMIT || guard->denominator;
  __u32 drew = request->acting.drew;
  __u32 drawn = request->drawn;
  int verdict = KM_GUARD_PASSES;
  request->reason = kind == KM_GUARD_SLOW ? guard->reason : KM_SLOW_TABLE;
  if (km_falls_in(request, row, guard->numerator, guard->denominator))
    verdict = kind == KM_GUARD_REPLY ? KM_HTTP_REPLY : kind == KM_GUARD_LIMIT ? km_limit(request, guard) : KM_HTTP_SLOW;
  /* Should its reply have to be user space's: what draws not is asked again; of those that draw user space can be told what the first one said. */
  if (verdict == KM_HTTP_REPLY)
    drawn = !draws ? KM_DRAWN_PASSED : drew ? KM_DRAWN_NUMBER : KM_DRAWN_STOPPED;
  /* Both are written on each way: without CAP_PERFMON no place may depend on one. */
  request->drawn = drawn;
  request->acting.drew = drew | draws;
  return verdict;
}

/* All of them, in the order of the filters. */
static __always_inline int km_guards(struct km_request *request, __u32 first)
{
  __u32 row = first;
  request->work.left = KM_ROUTE_STEPS;
  request->acting.drew = 0;
  int verdict = KM_GUARD_PASSES;
#pragma unroll
  for (int i = 0; i < KM_GUARDS_MAX; i++) {
    if (row && verdict == KM_GUARD_PASSES) {
      verdict = km_guard(request, row);
      row = request->acting.guard;
    }
  }
  if (verdict == KM_GUARD_PASSES && !row)
    request->drawn = KM_DRAWN_PASSED;
  if (verdict != KM_GUARD_PASSES || !row)
    return verdict;
  request->reason = KM_SLOW_TABLE;
  return KM_HTTP_SLOW;
}
