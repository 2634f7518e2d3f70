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
