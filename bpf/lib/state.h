/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * State that survives generations: counters and cursors by stable id.
 * In: a state id of the tables. Out: its row, through the shards; counters only ever grow, `active` is taken and given back in place.h.
 */
#pragma once
#include "decided.h"
#include "maps.h"
#include "verdict.h"

/* Failures without an owner. */
#define KM_NOBODY 0

/*
 * Keys of a lookup of two levels. Where a socket's storage is at hand they are kept there: without CAP_PERFMON every first write to a place on
 * the stack is followed by a speculation barrier, a write to a map value is not.
 */
struct km_keys {
  __u32 outer;
  __u32 inner;
};

static __always_inline struct km_state *km_state_by(struct km_keys *keys, __u32 id)
{
  keys->outer = id >> KM_STATE_SHARD_BITS;
  keys->inner = id & (KM_STATE_SHARD_ROWS - 1);
  void *rows = bpf_map_lookup_elem(&km_state, &keys->outer);
  if (!rows)
    return NULL;
  return bpf_map_lookup_elem(rows, &keys->inner);
}

static __always_inline struct km_state *km_state_at(__u32 id)
{
  struct km_keys keys;
  return km_state_by(&keys, id);
}

static __always_inline void km_count_connection(struct km_state *state)
{
  __sync_fetch_and_add(&state->connections, 1);
}

static __always_inline void km_count_connection_of(__u32 owner)
{
  struct km_state *state = km_state_at(owner);
  if (state)
    km_count_connection(state);
}

/* One more of what km_failure counts by owner. */
static __always_inline void km_count_under(__u32 owner, __u32 reason)
{
  struct km_failure_key key = { .state = owner, .reason = reason };
  __u64 *count = bpf_map_lookup_elem(&km_failure, &key);
  if (!count) {
    __u64 zero = 0;
    /* Whoever comes second finds the row of the first. */
    bpf_map_update_elem(&km_failure, &key, &zero, BPF_NOEXIST);
    count = bpf_map_lookup_elem(&km_failure, &key);
  }
  if (count)
    __sync_fetch_and_add(count, 1);
}

/* A function of its own: every program fails in several places, and none of them is hot. */
static __noinline int km_count_failure(__u32 owner, __u32 reason)
{
  struct km_state *state = owner == KM_NOBODY ? NULL : km_state_at(owner);
  if (state)
    __sync_fetch_and_add(&state->failures, 1);
  km_count_under(owner, reason);
  return 0;
}

/* `listener`: KM_NOBODY where the owner says enough. */
static __always_inline int km_refuse_at(__u32 listener, __u32 owner, __u32 reason)
{
  km_count_failure(owner, reason);
  if (km_is_watched())
    km_tell_refusal(listener, owner, reason);
  return km_deny();
}

static __always_inline int km_refuse(__u32 owner, __u32 reason)
{
  return km_refuse_at(KM_NOBODY, owner, reason);
}

/* Something that must be there is missing: refused, never open. */
static __always_inline int km_refuse_internal(void)
{
  return km_refuse(KM_NOBODY, KM_REASON_INTERNAL);
}
