/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Clients: sockets whose requests are routed one by one. In: a connection to such a service. Out: the acceptor's address in the context, and a row of
 * km_client that lives as long as the connection.
 */
#pragma once
#include "../decision.h"
#include "../source.h"
#include "client-row.h"
#include "event.h"

#define KM_FAMILY4 4
#define KM_FAMILY6 6

/* A free row with the cookie in it, and its number; NULL: all that may be taken are. */
static __always_inline struct km_client *km_take_client(__u64 cookie, __u32 *row)
{
#pragma unroll
  for (int i = 0; i < KM_CLIENT_PROBES; i++) {
    *row = (cookie + i) & (KM_CLIENTS - 1);
    struct km_client *client = bpf_map_lookup_elem(&km_client, row);
    if (client && !client->cookie && !__sync_val_compare_and_swap(&client->cookie, 0, cookie))
      return client;
  }
  return NULL;
}

/* Ends what a socket was as a client. */
static __always_inline void km_end_client(struct bpf_sock *sk)
{
  struct km_http_socket *socket = bpf_sk_storage_get(&km_http_sockets, sk, NULL, 0);
  if (!socket)
    return;
  struct km_client *client = km_client_of(socket);
  if (!client)
    return;
  if (client->flags & KM_CLIENT_ESTABLISHED) {
    struct km_client_address_key key = { .netns = client->netns, .port = client->local_port };
    km_copy_address(key.address, client->local);
    bpf_map_delete_elem(&km_client_by_address, &key);
  }
  __u64 upstream = client->upstream;
  if (upstream)
    km_tell_upstream(KM_EVENT_SPENT, upstream, socket->cookie, socket->client);
  __sync_lock_test_and_set(&client->cookie, 0);
}

/* The last descriptor of a client was closed, before its connection ends. */
static __always_inline void km_leave_client(struct bpf_sock *sk)
{
  struct km_http_socket *socket = bpf_sk_storage_get(&km_http_sockets, sk, NULL, 0);
  struct km_client *client = socket ? km_client_of(socket) : NULL;
  if (client)
    __sync_fetch_and_or(&client->flags, KM_CLIENT_GONE);
}

static __always_inline void km_clear_client(struct km_client *client)
{
  client->passed = 0;
  client->upstream = 0;
  client->acceptor = 0;
  client->egress = 0;
  client->requests = 0;
  client->due = 0;
  client->carried = 0;
  client->arrived = 0;
  client->settled = 0;
  client->fence = 0;
  client->random = 0;
  client->drawn = 0;
  client->queued = 0;
  client->local_port = 0;
  client->flags = 0;
  client->reason = 0;
  client->marks = 0;
  client->first = 0;
}

/* The client's own address as servers should see it, unspecified where it is not known. */
static __always_inline void km_find_source(struct bpf_sock_addr *ctx, const struct km_asked *asked, union km_address *source)
{
  int v4 = km_is_v4(&asked->address);
  if (!km_is_unspecified(source) || km_source_of_loopback(&asked->address, v4, source) || km_source_of_namespace(ctx, v4, source))
    return;
  source->halves[0] = 0;
  source->halves[1] = 0;
}

/* KM_ALLOW with the acceptor's address in `peer` and `port`, or the verdict. `source`: what the socket is bound to. */
static __always_inline int km_enter_http(struct bpf_sock_addr *ctx, const struct km_record *record, __u32 listener, const struct km_chain *chain,
                                         const struct km_asked *asked, union km_address *source, const struct km_acceptor **given)
{
  struct km_acceptor_key key = { .netns = bpf_get_netns_cookie(ctx), .family = km_is_v4(&asked->address) ? KM_FAMILY4 : KM_FAMILY6 };
  const struct km_acceptor *acceptor = bpf_map_lookup_elem(&km_acceptor, &key);
  if (!acceptor) {
    km_tell_namespace(key.netns, key.family);
    return km_refuse(listener, KM_REASON_NO_ACCEPTOR);
  }
  __u64 cookie = bpf_get_socket_cookie(ctx);
  __u32 row;
  struct km_client *client = km_take_client(cookie, &row);
  if (!client)
    return km_refuse(listener, KM_REASON_OVERFLOW);
  struct km_http_socket *http = bpf_sk_storage_get(&km_http_sockets, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
  struct km_socket *socket = km_make_socket(ctx);
  if (!http || !socket) {
    __sync_lock_test_and_set(&client->cookie, 0);
    return km_refuse_internal();
  }
  km_clear_client(client);
  client->netns = key.netns;
  client->generation = record->generation;
  client->epoch = record->epoch;
  client->service = chain->target;
  client->listener = listener;
  client->asked_port = asked->key.port;
  km_copy_address(client->asked, asked->address.bytes);
  km_find_source(ctx, asked, source);
  km_copy_address(client->source, source->bytes);
  http->cookie = cookie;
  http->client = row;
  http->scratch = 0;
  http->corked = 0;
  http->corks = 0;
  km_copy_address(socket->asked, asked->address.bytes);
  km_copy_address(socket->peer, acceptor->address);
  socket->asked_port = asked->key.port;
  socket->peer_port = acceptor->port;
  socket->protocol = KM_TCP;
  socket->flags = KM_SOCKET_REWRITTEN | KM_SOCKET_HTTP;
  socket->counted = 0;
  socket->aborted = 0;
  socket->listener = listener;
  socket->generation = record->generation;
  if (km_is_watched())
    km_tell_socket(socket, KM_DECIDED_ACCEPTED, KM_REASON_NONE);
  *given = acceptor;
  return KM_ALLOW;
}
