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
