/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A request to its server. In: a decided request with the endpoint that was chosen, for which a place is held. Out: the message at the server's socket, when that is on this
 * node, or leaving by the upstream's.
 *
 * Everything is written down before the redirect: the server may answer before this program has returned.
 */
#pragma once
#include "claim.h"

#define KM_NANOSECONDS_PER_MILLISECOND 1000000ULL

/* Gives back the place of a request that goes nowhere. */
static __always_inline void km_leave_way(const struct km_way *way)
{
  km_leave(way->cluster, way->cluster_incarnation);
  km_leave(way->endpoint, way->endpoint_incarnation);
}

static __always_inline void km_own(struct km_upstream *upstream, const struct km_sending *sending)
{
  struct km_request *request = sending->request;
  struct km_client *client = sending->client;
  __u32 flags = 0;
  if (request->flags & KM_HEAD_IS_HEAD)
    flags |= KM_UPSTREAM_BODILESS;
  if (request->flags & KM_HEAD_CLOSE)
    flags |= KM_UPSTREAM_LAST;
  __u64 now = bpf_ktime_get_ns();
  upstream->client = sending->socket->client;
  upstream->remaining = 0;
  upstream->sent = 0;
  upstream->status = 0;
  upstream->line = 0;
  upstream->started = now;
  upstream->deadline = request->timeout ? now + request->timeout * KM_NANOSECONDS_PER_MILLISECOND : 0;
  upstream->requests++;
  upstream->cluster = request->way.cluster;
  upstream->endpoint = request->way.endpoint;
  upstream->cluster_incarnation = request->way.cluster_incarnation;
  upstream->endpoint_incarnation = request->way.endpoint_incarnation;
  upstream->route = request->state;
  upstream->phase = KM_RESPONSE_HEAD;
  upstream->counted = 1;
  __sync_fetch_and_or(&upstream->flags, flags);
  upstream->owner = client->cookie;
  client->upstream = upstream->cookie;
  km_heed_close(sending);
  __sync_fetch_and_add(&client->requests, 1);
}

/* The request did not leave: the upstream is as if it had never been claimed, but that its socket is not what it should be. */
static __always_inline void km_disown(struct km_upstream *upstream, struct km_client *client)
{
  if (upstream->flags & KM_UPSTREAM_LAST)
    __sync_fetch_and_and(&client->flags, ~KM_CLIENT_CLOSING);
  client->upstream = 0;
  upstream->owner = 0;
  upstream->phase = KM_RESPONSE_IDLE;
  upstream->counted = 0;
  km_spend(upstream, client->cookie);
}

/* SK_PASS when the message will be at the server or leave for it. */
static __always_inline int km_redirect(struct sk_msg_md *msg, const struct km_upstream *upstream)
{
  __u64 server = upstream->server;
  if (server && bpf_msg_redirect_hash(msg, &km_servers, &server, BPF_F_INGRESS) == SK_PASS)
    return SK_PASS;
  __u64 cookie = upstream->cookie;
  return bpf_msg_redirect_hash(msg, &km_upstreams, &cookie, 0);
}

static __always_inline int km_forward(struct sk_msg_md *msg, struct km_sending *sending)
{
  struct km_request *request = sending->request;
  struct km_upstream *upstream = km_claim(request);
  if (!upstream) {
    km_leave_way(&request->way);
    return km_finish_slow(msg, sending, KM_SLOW_POOL_EMPTY);
  }
  __u32 total = request->way.total;
  __u32 owner = request->state;
  if (request->out_length) {
    int replaced = km_replace_head(msg, request, request->head_length);
    if (replaced) {
      km_put_idle(upstream);
      km_leave_way(&request->way);
      if (replaced > 0)
        return km_finish_slow(msg, sending, KM_SLOW_COMPOSE);
      km_finish(sending);
      return SK_DROP;
    }
    total = request->out_length + request->body_length;
  }
  /* Its answer counts as complete a moment before it is in the client's queue: that of the next request must not overtake it there. */
  if (msg->size > total)
    __sync_fetch_and_or(&sending->client->flags, KM_CLIENT_BEHIND | KM_CLIENT_ORDERED);
  km_own(upstream, sending);
  if (km_redirect(msg, upstream) != SK_PASS) {
    km_disown(upstream, sending->client);
    km_leave_way(&request->way);
    if (!request->out_length)
      return km_finish_slow(msg, sending, KM_SLOW_REDIRECT);
    km_finish(sending);
    return SK_DROP;
  }
  bpf_msg_apply_bytes(msg, total);
  km_count_request(owner);
  km_redirected(sending);
  km_finish(sending);
  return SK_PASS;
}
