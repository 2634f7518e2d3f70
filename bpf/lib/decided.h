/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a monitor is told of decisions. In: ids and addresses at the moment of a decision. Out: struct km_decision in km_decisions, while somebody listens.
 *
 * Nobody listens most of the time: then a decision costs the load of one word. A monitor says each second until when it is there; when it was killed, the first program that finds the time
 * passed takes the word back. Invariants: nothing waits, nothing fails: what finds no room is counted as lost. Nobody is woken, as a monitor looks by itself.
 */
#pragma once
#include "maps.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, KM_ENTRIES_MONITOR);
  __type(key, __u32);
  __type(value, struct km_monitor);
} km_monitor SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, KM_ENTRIES_DECISIONS);
} km_decisions SEC(".maps");

static __always_inline int km_is_watched(void)
{
  __u32 zero = 0;
  struct km_monitor *monitor = bpf_map_lookup_elem(&km_monitor, &zero);
  if (!monitor)
    return 0;
  __u64 until = *(volatile __u64 *)&monitor->until;
  if (!until)
    return 0;
  if (until > bpf_ktime_get_ns())
    return 1;
  __sync_val_compare_and_swap(&monitor->until, until, 0);
  return 0;
}

static __always_inline void km_lose_decision(void)
{
  __u32 zero = 0;
  struct km_monitor *monitor = bpf_map_lookup_elem(&km_monitor, &zero);
  if (monitor)
    __sync_fetch_and_add(&monitor->lost, 1);
}

/* Empty but for kind and time; NULL: there is no room. Whoever gets one submits it with km_tell. */
static __always_inline struct km_decision *km_decision_of(__u32 kind)
{
  struct km_decision *decision = bpf_ringbuf_reserve(&km_decisions, sizeof(*decision), 0);
  if (!decision) {
    km_lose_decision();
    return NULL;
  }
  __builtin_memset(decision, 0, sizeof(*decision));
  decision->time = bpf_ktime_get_ns();
  decision->kind = kind;
  return decision;
}

static __always_inline void km_tell(struct km_decision *decision)
{
  bpf_ringbuf_submit(decision, BPF_RB_NO_WAKEUP);
}

/* Ids alone, so that it is verified once. `listener`: 0 where only the owner is known. */
__noinline int km_tell_refusal(__u32 listener, __u32 owner, __u32 reason)
{
  struct km_decision *decision = km_decision_of(KM_DECIDED_REFUSED);
  if (!decision)
    return 0;
  decision->listener = listener;
  decision->owner = owner;
  decision->reason = reason;
  km_tell(decision);
  return 0;
}

/* A socket that was given an endpoint or an acceptor, or whose connection came to nothing. */
__noinline int km_tell_socket(const struct km_socket *socket, __u32 kind, __u32 reason)
{
  if (!socket)
    return 0;
  struct km_decision *decision = km_decision_of(kind);
  if (!decision)
    return 0;
  decision->cookie = socket->owner;
  decision->generation = socket->generation;
  __builtin_memcpy(decision->asked, socket->asked, sizeof(decision->asked));
  __builtin_memcpy(decision->peer, socket->peer, sizeof(decision->peer));
  decision->asked_port = socket->asked_port;
  decision->peer_port = socket->peer_port;
  decision->protocol = socket->protocol;
  decision->listener = socket->listener;
  decision->reason = reason;
  if (kind != KM_DECIDED_ACCEPTED) {
    decision->cluster = socket->cluster;
    decision->endpoint = socket->endpoint;
  }
  km_tell(decision);
  return 0;
}

/* The first datagram of a flow. */
__noinline int km_tell_flow(const struct km_flow *flow)
{
  if (!flow)
    return 0;
  struct km_decision *decision = km_decision_of(KM_DECIDED_GIVEN);
  if (!decision)
    return 0;
  __builtin_memcpy(decision->asked, flow->asked, sizeof(decision->asked));
  __builtin_memcpy(decision->peer, flow->peer, sizeof(decision->peer));
  decision->asked_port = flow->asked_port;
  decision->peer_port = flow->peer_port;
  decision->protocol = 17;
  decision->listener = flow->listener;
  decision->cluster = flow->cluster;
  decision->endpoint = flow->endpoint;
  km_tell(decision);
  return 0;
}
