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
 * Ways of bytes to a client, and what is known of their arrival:
 *   by the server's own send() into its receive queue     there a moment later: km_client.due, .queued (times)
 *   by a worker of the kernel into its receive queue      there when a fence has come through behind it (fence.h): .carried, .arrived
 *   by a worker of the kernel out of the acceptor         there when TCP has counted it, which the holder looks at: .egress, .settled
 *   by user space, or here, out of the acceptor           in order with all that is in TCP
 * The receive queue is read before what TCP has. So: nothing goes into the queue any more once something has taken TCP (KM_CLIENT_ORDERED); nothing takes TCP, or is put into the queue by
 * other hands, while a worker may still have something for the queue; nothing takes TCP by other hands while a worker may still have something for the acceptor.
 *
 * Bytes of an answer are about to be redirected into its receive queue by the server's own send(), or there or out of the acceptor by a worker of the kernel. Said before that, and before
 * the answer counts as complete.
 */
static __always_inline void km_expect_directly(struct km_client *client)
{
  __u64 now = bpf_ktime_get_ns();
  client->queued = now;
  client->due = now + KM_DIRECT_TIME;
}

static __always_inline void km_expect_by_worker(struct km_client *client)
{
  __sync_fetch_and_add(&client->carried, 1);
}

/* A worker of the kernel may still have something for its receive queue. What goes there by the same worker stays in order, everything else would overtake it. */
static __always_inline int km_is_carried(const struct km_client *client)
{
  return *(volatile __u32 *)&client->carried != *(volatile __u32 *)&client->arrived;
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
  return km_is_carried(client) || client->egress != client->settled || (client->flags & KM_CLIENT_PIPELINING && !km_is_over(client->due, KM_SETTLED_TIME));
}

/*
 * Whether the next bytes for it go out of the acceptor, as TCP, and so do all later ones. The last answer of a connection does, where the acceptor is there: its end would overtake what
 * a server's own send() puts into the client's receive queue, and nobody says when that has arrived. Where the acceptor is not, the queue takes it and the holder waits a while before the end.
 * Behind what a worker carries nothing goes by TCP yet, whatever the flags say.
 */
static __always_inline int km_goes_by_tcp(struct km_client *client)
{
  __u32 flags = client->flags;
  if (km_is_carried(client))
    return 0;
  if (flags & KM_CLIENT_ORDERED)
    return 1;
  if (!(flags & KM_CLIENT_CLOSING) || !client->acceptor)
    return 0;
  __sync_fetch_and_or(&client->flags, KM_CLIENT_ORDERED);
  return 1;
}
