/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Upstreams: who has one, and its way back to the pool. In: a cookie. Out: its row; the places that its request holds given back once.
 */
#pragma once
#include "../place.h"
#include "event.h"

static __always_inline struct km_upstream *km_upstream_of(__u64 cookie)
{
  __u32 row = cookie & (KM_UPSTREAMS - 1);
  struct km_upstream *upstream = bpf_map_lookup_elem(&km_upstream, &row);
  return upstream && cookie && upstream->cookie == cookie ? upstream : NULL;
}

/* The request under way is over, for cluster and endpoint. */
static __always_inline void km_release_upstream(struct km_upstream *upstream)
{
  if (!upstream->counted || !__sync_lock_test_and_set(&upstream->counted, 0))
    return;
  km_leave(upstream->cluster, upstream->cluster_incarnation);
  km_leave(upstream->endpoint, upstream->endpoint_incarnation);
}

/* Whether anybody may claim it. */
static __always_inline int km_is_idle(const struct km_upstream *upstream)
{
  __u32 row = upstream->pool;
  const struct km_pool *pool = bpf_map_lookup_elem(&km_pool, &row);
  __u32 word = upstream->slot >> 6 & (KM_POOL_WORDS - 1);
  barrier_var(word);
  return pool && pool->idle[word] >> (upstream->slot & 63) & 1;
}

/* Back to be claimed. */
static __always_inline void km_put_idle(struct km_upstream *upstream)
{
  __u32 row = upstream->pool;
  struct km_pool *pool = bpf_map_lookup_elem(&km_pool, &row);
  if (!pool)
    return;
  __u64 bit = 1ULL << (upstream->slot & 63);
  __u32 word = upstream->slot >> 6 & (KM_POOL_WORDS - 1);
  barrier_var(word);
  __sync_fetch_and_or(&pool->idle[word], bit);
}

static __always_inline void km_spend(struct km_upstream *upstream, __u64 client)
{
  __u64 cookie = upstream->cookie;
  if (__sync_fetch_and_or(&upstream->flags, KM_UPSTREAM_SPENT) & KM_UPSTREAM_SPENT)
    return;
  km_tell_upstream(KM_EVENT_SPENT, cookie, client, upstream->pool);
}
