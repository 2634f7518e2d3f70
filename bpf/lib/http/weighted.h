/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which cluster of a route. In: its km_target rows. Out: the row that is chosen. A random number of the request, or its hash, falls into the interval of one of
 * the weights. Source: Envoy's router/weighted_cluster_specifier.cc; compiler/http/cluster-choice.ts is the meaning.
 */
#pragma once
#include "hash-policy.h"

/* Targets that are asked without a loop, which costs as much as both. */
#define KM_TARGETS_FIRST 2

static __always_inline long km_target_one(struct km_request *request)
{
  const struct km_target *target = km_http_row(request, request->acting.choice);
  if (!target) {
    request->acting.choice = 0;
    return KM_STOP;
  }
  if (request->acting.point < target->upto)
    return KM_STOP;
  request->acting.choice++;
  return KM_NEXT;
}

static long km_target_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  return request ? km_target_one(request) : KM_STOP;
}

/* The row of the target; 0: the tables are wrong. */
static __always_inline __u32 km_choose_target(struct km_request *request, const struct km_action *action)
{
  __u32 first = action->first;
  if (action->choice == KM_CHOICE_ONLY)
    return first;
  __u32 total = action->total;
  if (!total)
    return 0;
  /* Both are read before one is chosen (km_target_end). */
  __u64 random = request->random;
  __u64 hash = request->hash;
  barrier_var(random);
  barrier_var(hash);
  __u64 number = action->choice == KM_CHOICE_HASH && request->hash_flags ? hash : random;
  request->acting.point = number % total;
  request->acting.choice = first;
  if (km_target_one(request) == KM_NEXT && km_target_one(request) == KM_NEXT) {
    __u32 slot = request->slot;
    __u32 left = action->count - KM_TARGETS_FIRST;
    bpf_loop(left & 0xffff, km_target_step, &slot, 0);
  }
  return request->acting.choice;
}

/* The cluster that a header names: its index, KM_NO_CLUSTER, or KM_UNSURE - 1 where it cannot be told. */
#define KM_CLUSTER_UNSURE (KM_NO_CLUSTER - 1)

__noinline __u32 km_cluster_named(struct km_request *given, __u32 slot)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_CLUSTER_UNSURE;
  if (!km_has_header(request, slot))
    return KM_NO_CLUSTER;
  const struct km_found *found = km_found_of(request, slot);
  __u32 at = found->value;
  __u32 length = found->length;
  if (length >= KM_HASH_WORDS * KM_WORD_BYTES)
    return KM_CLUSTER_UNSURE;
  __u64 hash = km_hash_span(request, at, length, 0);
  const struct km_name *name = km_name_of(request, 0, KM_NAME_CLUSTER, length, hash);
  if (!name)
    return KM_NO_CLUSTER;
  __u32 cluster = name->target;
  return km_same_text(request, at, length, name->text, 0) ? cluster : KM_CLUSTER_UNSURE;
}
