/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The end of a decision: the socket is given its endpoint. In: a place in the cluster, and an endpoint. Out: the address in the
 * context, the state in the socket's storage (connect) or in one of its flows (sendmsg), everything counted once.
 */
#pragma once
#include "choice.h"
#include "flow.h"

/* KM_ALLOW with the socket filled, or the verdict. */
static __always_inline int km_give_peer(const struct km_place *place, const struct km_asked *asked, const struct km_endpoint *endpoint)
{
  struct km_state *counts = km_enter_endpoint(place, endpoint);
  if (!counts)
    return km_give_up(place, KM_REASON_INTERNAL);
  struct km_socket *socket = place->socket;
  km_copy_address(socket->asked, asked->address.bytes);
  km_copy_address(socket->peer, endpoint->address);
  socket->asked_port = asked->key.port;
  socket->peer_port = endpoint->port;
  socket->protocol = asked->key.protocol;
  socket->flags = KM_SOCKET_REWRITTEN;
  socket->cluster = place->cluster->state;
  socket->endpoint = endpoint->state;
  socket->cluster_incarnation = place->counts->incarnation;
  socket->endpoint_incarnation = counts->incarnation;
  socket->aborted = 0;
  socket->counted = 1;
  if (km_is_watched())
    km_tell_socket(socket, KM_DECIDED_GIVEN, KM_REASON_NONE);
  return KM_ALLOW;
}

static __always_inline int km_give_connect4(struct bpf_sock_addr *ctx, const struct km_place *place, const struct km_asked *asked,
                                            const struct km_endpoint *endpoint)
{
  if (km_give_peer(place, asked, endpoint) != KM_ALLOW)
    return KM_DENY;
  km_write_address4(ctx, endpoint->address, endpoint->port);
  return KM_ALLOW;
}

static __always_inline int km_give_connect6(struct bpf_sock_addr *ctx, const struct km_place *place, const struct km_asked *asked,
                                            const struct km_endpoint *endpoint)
{
  if (km_give_peer(place, asked, endpoint) != KM_ALLOW)
    return KM_DENY;
  km_write_address6(ctx, endpoint->address, endpoint->port);
  return KM_ALLOW;
}

/* KM_ALLOW with a flow filled, or the verdict. */
static __always_inline int km_give_flow(struct bpf_sock_addr *ctx, const struct km_place *place, const struct km_asked *asked,
                                        const struct km_endpoint *endpoint)
{
  struct km_flows *flows = km_make_flows(ctx->sk);
  if (!flows)
    return km_give_up(place, KM_REASON_INTERNAL);
  struct km_state *counts = km_enter_endpoint(place, endpoint);
  if (!counts)
    return km_give_up(place, KM_REASON_INTERNAL);
  __u32 now = km_now();
  struct km_flow *flow = km_spare_flow(flows, now);
  km_copy_address(flow->asked, asked->address.bytes);
  km_copy_address(flow->peer, endpoint->address);
  flow->asked_port = asked->key.port;
  flow->peer_port = endpoint->port;
  flow->cluster = place->cluster->state;
  flow->endpoint = endpoint->state;
  flow->cluster_incarnation = place->counts->incarnation;
  flow->endpoint_incarnation = counts->incarnation;
  flow->listener = place->socket->listener;
  flow->used = now;
  flow->counted = 1;
  if (km_is_watched())
    km_tell_flow(flow);
  return KM_ALLOW;
}

static __always_inline int km_give_sendmsg4(struct bpf_sock_addr *ctx, const struct km_place *place, const struct km_asked *asked,
                                            const struct km_endpoint *endpoint)
{
  if (km_give_flow(ctx, place, asked, endpoint) != KM_ALLOW)
    return KM_DENY;
  km_write_address4(ctx, endpoint->address, endpoint->port);
  return KM_ALLOW;
}

static __always_inline int km_give_sendmsg6(struct bpf_sock_addr *ctx, const struct km_place *place, const struct km_asked *asked,
                                            const struct km_endpoint *endpoint)
{
  if (km_give_flow(ctx, place, asked, endpoint) != KM_ALLOW)
    return KM_DENY;
  km_write_address6(ctx, endpoint->address, endpoint->port);
  return KM_ALLOW;
}
