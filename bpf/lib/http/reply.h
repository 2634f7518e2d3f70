/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What both reply programs do with an upstream. In: an upstream with a response under way. Out: its owner, or what became of it.
 * Invariant: when the last byte of a response can be read by the client, the client's next request finds nothing outstanding, and the upstream can be claimed.
 */
#pragma once
#include "client-row.h"
#include "framing.h"

#define KM_RESPONSE_FLAGS \
  (KM_UPSTREAM_STARTED | KM_UPSTREAM_BODILESS | KM_UPSTREAM_PLAIN | KM_UPSTREAM_EDITED | KM_UPSTREAM_LAST | KM_UPSTREAM_CLOSES | KM_UPSTREAM_TOLD)

/* Programs leave what belongs to such an upstream where it is. */
#define KM_UPSTREAM_OURS_NOT (KM_UPSTREAM_SPENT | KM_UPSTREAM_HELD | KM_UPSTREAM_RELAY)

/*
 * The first bytes of a response are about to go to the client. 0: the holder has its hands on the upstream already, and tells the client something else.
 */
static __always_inline int km_start(struct km_upstream *upstream)
{
  if (upstream->flags & KM_UPSTREAM_STARTED)
    return 1;
  return !(__sync_fetch_and_or(&upstream->flags, KM_UPSTREAM_STARTED) & KM_UPSTREAM_OURS_NOT);
}

/* Whose response it is; NULL: nobody waits for it any more. */
static __always_inline struct km_client *km_owner_of(const struct km_upstream *upstream)
{
  __u64 owner = upstream->owner;
  struct km_client *client = km_client_at(upstream->client);
  return owner && client && client->cookie == owner ? client : NULL;
}

/* The rest of the response is moved by the holder, no faster than the client reads; it goes on from phase, remaining and line. */
static __always_inline void km_relay_rest(struct km_upstream *upstream)
{
  if (__sync_fetch_and_or(&upstream->flags, KM_UPSTREAM_RELAY) & KM_UPSTREAM_RELAY)
    return;
  km_tell_upstream(KM_EVENT_RELAY, upstream->cookie, upstream->owner, upstream->client);
}

static __always_inline void km_relay(struct km_upstream *upstream)
{
  upstream->phase = KM_RESPONSE_HEAD;
  upstream->remaining = 0;
  km_relay_rest(upstream);
}

/* The response is complete: the client may ask again, the upstream may be claimed. */
static __always_inline void km_complete(struct km_upstream *upstream, struct km_client *client)
{
  __u64 owner = upstream->owner;
  __u32 row = upstream->client;
  km_release_upstream(upstream);
  upstream->deadline = 0;
  upstream->phase = KM_RESPONSE_IDLE;
  upstream->owner = 0;
  __u32 flags = __sync_fetch_and_and(&upstream->flags, ~KM_RESPONSE_FLAGS);
  client->upstream = 0;
  if (flags & KM_UPSTREAM_CLOSES)
    km_spend(upstream, owner);
  else if (!(flags & (KM_UPSTREAM_SPENT | KM_UPSTREAM_HELD)))
    km_put_idle(upstream);
  if (client->passed & KM_CLIENT_SLOW || flags & KM_UPSTREAM_LAST)
    km_tell_client(KM_EVENT_ANSWERED, owner, row, (flags & KM_UPSTREAM_LAST) != 0);
}
