/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Claims an idle connection to the endpoint that was chosen. In: request->way. Out: the upstream, which is this client's until its response is complete.
 * A pool's bitmap is the only truth about who may be claimed: whoever clears a bit has the connection.
 */
#pragma once
#include "sending.h"
#include "upstream.h"

#define KM_WORD_SLOTS 64

#define KM_NO_SLOT 0xffffffff

/* The lowest bit of a word, unless somebody else was faster. */
static __always_inline __u32 km_try_bit(__u64 *word, __u32 first)
{
  __u64 bits = *(volatile __u64 *)word;
  if (!bits)
    return KM_NO_SLOT;
  __u64 low = bits & -bits;
  return __sync_fetch_and_and(word, ~low) & low ? first + km_lowest_bit(low) : KM_NO_SLOT;
}

static __always_inline __u32 km_take_bit(__u64 *word, __u32 first)
{
  __u32 slot = km_try_bit(word, first);
  if (slot == KM_NO_SLOT)
    slot = km_try_bit(word, first);
  return slot == KM_NO_SLOT ? km_try_bit(word, first) : slot;
}

static __always_inline __u32 km_take_slot(struct km_pool *pool)
{
  __u32 slot = km_take_bit(&pool->idle[0], 0);
  if (slot == KM_NO_SLOT)
    slot = km_take_bit(&pool->idle[1], KM_WORD_SLOTS);
  if (slot == KM_NO_SLOT)
    slot = km_take_bit(&pool->idle[2], 2 * KM_WORD_SLOTS);
  return slot == KM_NO_SLOT ? km_take_bit(&pool->idle[3], 3 * KM_WORD_SLOTS) : slot;
}

/* The bits of a word without the lowest three. */
static __always_inline __u64 km_without_three(__u64 bits)
{
  bits &= bits - 1;
  bits &= bits - 1;
  return bits & (bits - 1);
}

static __always_inline int km_is_low(const struct km_pool *pool)
{
  return !(km_without_three(pool->idle[0]) | pool->idle[1] | pool->idle[2] | pool->idle[3]);
}

/* How many the holder should open at a time. */
#define KM_WANTED 16

static __noinline int km_tell_pool(struct km_request *request, __u32 kind, __u32 row)
{
  if (!request)
    return 0;
  struct km_event *event = km_event_of(kind);
  if (!event)
    return 0;
  km_copy_address(event->address, request->way.address);
  event->port = request->way.port;
  event->netns = request->way.key.netns;
  event->marks = request->way.key.marks;
  event->endpoint = request->way.endpoint;
  event->incarnation = request->way.endpoint_incarnation;
  event->cluster = request->way.cluster;
  event->wanted = KM_WANTED;
  event->row = row;
  bpf_ringbuf_submit(event, 0);
  return 0;
}

/* The pool of the endpoint; NULL: there is none. */
static __always_inline struct km_pool *km_pool_for(struct km_request *request)
{
  const __u32 *row = bpf_map_lookup_elem(&km_pool_of, &request->way.key);
  request->way.pool = row ? *row : 0;
  if (!row)
    return NULL;
  return bpf_map_lookup_elem(&km_pool, &request->way.pool);
}

/* One from the pool, if it can be used. */
static __always_inline struct km_upstream *km_claim_one(struct km_pool *pool, struct km_request *request)
{
  __u32 slot = km_take_slot(pool);
  if (slot == KM_NO_SLOT)
    return NULL;
  /* Through memory, so that the verifier knows as much of it on every way here. */
  *(volatile __u32 *)&request->way.slot = slot;
  slot = *(volatile __u32 *)&request->way.slot & (KM_POOL_SLOTS - 1);
  request->way.upstream = pool->upstream[slot];
  struct km_upstream *upstream = km_upstream_of(request->way.upstream);
  return upstream && !(upstream->flags & (KM_UPSTREAM_SPENT | KM_UPSTREAM_HELD | KM_UPSTREAM_RELAY)) ? upstream : NULL;
}

/* An upstream that nobody else has; NULL: there is none now. */
static __always_inline struct km_upstream *km_claim(struct km_request *request)
{
  struct km_pool *pool = km_pool_for(request);
  if (!pool) {
    km_tell_pool(request, KM_EVENT_OPEN, 0);
    return NULL;
  }
  struct km_upstream *upstream = km_claim_one(pool, request);
  if (!upstream)
    upstream = km_claim_one(pool, request);
  if (upstream)
    __sync_fetch_and_add(&pool->claimed, 1);
  else
    __sync_fetch_and_add(&pool->empty, 1);
  if (!upstream || km_is_low(pool)) {
    if (!pool->wanted && !__sync_lock_test_and_set(&pool->wanted, 1))
      km_tell_pool(request, upstream ? KM_EVENT_LOW : KM_EVENT_OPEN, request->way.pool);
  }
  return upstream;
}
