/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Places: one live connection is counted once in its cluster and once in its endpoint, and given back once.
 * Invariant: `counted` is 1 exactly while a place is held; whoever exchanges it to 0 gives the place back, so two releasers cannot both do so.
 * A state id that got a new owner has another incarnation: what the old owner's sockets give back is dropped.
 */
#pragma once
#include "state.h"

/* Under the limit or not at all: a place beyond it is never handed out, however many CPUs ask at once. The look before keeps the count still. */
static __always_inline int km_reserve(struct km_state *cluster, __u32 limit)
{
  if (*(volatile __u32 *)&cluster->active >= limit)
    return 0;
  if (__sync_fetch_and_add(&cluster->active, 1) < limit)
    return 1;
  __sync_fetch_and_add(&cluster->active, -1);
  return 0;
}

static __always_inline void km_unreserve(struct km_state *cluster)
{
  __sync_fetch_and_add(&cluster->active, -1);
}

/* 1: the id still belongs to whom the place was taken from. */
static __noinline int km_leave(__u32 id, __u32 incarnation)
{
  struct km_state *state = km_state_at(id);
  if (!state || state->incarnation != incarnation)
    return 0;
  __sync_fetch_and_add(&state->active, -1);
  return 1;
}

/* 1 for the one caller who gave the place back, if the endpoint is still there to be blamed for a failure. */
static __always_inline int km_release_socket(struct km_socket *socket)
{
  if (!socket->counted || !__sync_lock_test_and_set(&socket->counted, 0))
    return 0;
  km_leave(socket->cluster, socket->cluster_incarnation);
  return km_leave(socket->endpoint, socket->endpoint_incarnation);
}

static __always_inline void km_release_flow(struct km_flow *flow)
{
  if (!flow->counted || !__sync_lock_test_and_set(&flow->counted, 0))
    return;
  km_leave(flow->cluster, flow->cluster_incarnation);
  km_leave(flow->endpoint, flow->endpoint_incarnation);
}
