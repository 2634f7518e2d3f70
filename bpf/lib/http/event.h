/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the holder is told. In: what happened. Out: a km_event in the ring; when that is full, nothing: whoever asks for something asks again.
 */
#pragma once
#include "../address.h"
#include "socket-maps.h"

static __always_inline struct km_event *km_event_of(__u32 kind)
{
  struct km_event *event = bpf_ringbuf_reserve(&km_events, sizeof(*event), 0);
  if (!event)
    return NULL;
  __builtin_memset(event, 0, sizeof(*event));
  event->kind = kind;
  return event;
}

static __noinline __attribute__((unused)) int km_tell_namespace(__u64 netns, __u32 family)
{
  struct km_event *event = km_event_of(KM_EVENT_NAMESPACE);
  if (!event)
    return 0;
  event->netns = netns;
  event->family = family;
  bpf_ringbuf_submit(event, 0);
  return 0;
}

static __noinline __attribute__((unused)) int km_tell_client(__u32 kind, __u64 client, __u32 row, __u32 reason)
{
  struct km_event *event = km_event_of(kind);
  if (!event)
    return 0;
  event->client = client;
  event->row = row;
  event->reason = reason;
  bpf_ringbuf_submit(event, 0);
  return 0;
}

static __noinline __attribute__((unused)) int km_tell_upstream(__u32 kind, __u64 upstream, __u64 client, __u32 row)
{
  struct km_event *event = km_event_of(kind);
  if (!event)
    return 0;
  event->upstream = upstream;
  event->client = client;
  event->row = row;
  bpf_ringbuf_submit(event, 0);
  return 0;
}
