/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rows of km_client. Invariant: a row belongs to the socket whose cookie it has. Whoever comes by a number compares the cookie.
 */
#pragma once
#include "socket-maps.h"

static __always_inline struct km_client *km_client_at(__u32 row)
{
  return bpf_map_lookup_elem(&km_client, &row);
}

/* The client of a socket, NULL when it has none (any more). */
static __always_inline struct km_client *km_client_of(const struct km_http_socket *socket)
{
  struct km_client *client = km_client_at(socket->client);
  return client && client->cookie == socket->cookie ? client : NULL;
}

/*
 * Bytes of an answer are about to be redirected into its receive queue by the server's own send(), or there or out of the acceptor by a worker of the kernel. Said before that, and before
 * the answer counts as complete.
 */
static __always_inline void km_expect_directly(struct km_client *client)
{
  __u64 now = bpf_ktime_get_ns();
  client->queued = now;
  client->due = now + KM_DIRECT_TIME;
}

static __always_inline void km_expect_by_worker(struct km_client *client, int queued)
{
  __u64 now = bpf_ktime_get_ns();
  client->carried = now;
  client->due = now + KM_WORKER_TIME;
  if (queued)
    client->queued = now;
}

/* It is after the time, by so much. */
static __always_inline int km_is_over(__u64 time, __u64 by)
{
  return !time || bpf_ktime_get_ns() >= time + by;
}

/* It does not wait for answers. What is left of them goes by TCP, where the acceptor is there: what user space says to its further requests goes there. */
static __always_inline void km_note_pipelining(struct km_client *client)
{
  __sync_fetch_and_or(&client->flags, client->acceptor ? KM_CLIENT_PIPELINING | KM_CLIENT_ORDERED : KM_CLIENT_PIPELINING);
}

/* Whether bytes that its own send() puts into its queue, or into the acceptor, might come before those of an earlier answer. */
static __always_inline int km_would_overtake(const struct km_client *client)
{
  return !km_is_over(client->carried, KM_BUSY_TIME) || (client->flags & KM_CLIENT_PIPELINING && !km_is_over(client->due, KM_SETTLED_TIME));
}

/*
 * Whether the next bytes for it go out of the acceptor, as TCP, and so do all later ones. The last answer of a connection does, where the acceptor is there: its end would overtake what
 * is on its way into the client's receive queue, and nobody says when that has arrived. Where the acceptor is not, the queue takes it and the holder waits a while before the end.
 */
static __always_inline int km_goes_by_tcp(struct km_client *client)
{
  __u32 flags = client->flags;
  if (flags & KM_CLIENT_ORDERED)
    return 1;
  if (!(flags & KM_CLIENT_CLOSING) || !client->acceptor)
    return 0;
  __sync_fetch_and_or(&client->flags, KM_CLIENT_ORDERED);
  return 1;
}
