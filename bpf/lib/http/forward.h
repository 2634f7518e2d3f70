/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A request to its server. In: a decided request with the endpoint that was chosen, for which a place is held. Out: the message at the server's socket, when that is on this
 * node, or leaving by the upstream's.
 *
 * Everything is written down before the redirect: the server may answer before this program has returned.
 */
#pragma once
#include "claim.h"
#include "keep.h"
#include "take-edit.h"

#define KM_NANOSECONDS_PER_MILLISECOND 1000000ULL

/* Programs do not send by such an upstream. */
#define KM_UPSTREAM_LOST (KM_UPSTREAM_SPENT | KM_UPSTREAM_HELD | KM_UPSTREAM_RELAY)

/*
 * From here on the upstream holds the request's place. 0: the holder, or a server that spoke without being asked, was first, and the upstream is not to be used. Both set a flag
 * before they look for an owner, this looks for flags once there is an owner: one sees the other.
 */
static __always_inline int km_own(struct km_upstream *upstream, const struct km_sending *sending)
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
  upstream->edit = request->edit;
  upstream->kept = request->kept;
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
  client->upstream = request->way.upstream;
  km_heed_close(sending);
  __sync_lock_test_and_set(&upstream->owner, client->cookie);
  return !(__sync_fetch_and_or(&upstream->flags, flags) & KM_UPSTREAM_LOST) && upstream->cookie == request->way.upstream;
}

/*
 * The request did not leave: the upstream is as if it had never been claimed, but that it is of no more use. 0: the holder has given back the request's place already, and tells
 * the client.
 */
static __always_inline int km_disown(struct km_upstream *upstream, struct km_client *client, const struct km_way *way)
{
  if (!__sync_lock_test_and_set(&upstream->counted, 0))
    return 0;
  km_leave_way(way);
  if (upstream->flags & KM_UPSTREAM_LAST)
    __sync_fetch_and_and(&client->flags, ~KM_CLIENT_CLOSING);
  client->upstream = 0;
  upstream->owner = 0;
  upstream->phase = KM_RESPONSE_IDLE;
  km_spend(upstream, client->cookie);
  return 1;
}

/* The end of a request whose upstream failed: user space's, unless its message was `changed`. */
static __always_inline int km_give_up_way(struct sk_msg_md *msg, struct km_sending *sending, struct km_upstream *upstream, int changed, __u32 reason)
{
  if (km_disown(upstream, sending->client, &sending->request->way) && !changed)
    return km_finish_slow(msg, sending, reason);
  km_finish(sending);
  return SK_DROP;
}

/* SK_PASS when the message will be at the server or leave for it. */
static __always_inline int km_redirect(struct sk_msg_md *msg, const struct km_upstream *upstream, __u64 cookie)
{
  __u64 server = upstream->server;
  if (server && bpf_msg_redirect_hash(msg, &km_servers, &server, BPF_F_INGRESS) == SK_PASS)
    return SK_PASS;
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
  request->edit = 0;
  request->kept = 0;
  if ((request->edit_rows && !km_take_edits(request)) || (request->keep && !km_keep_request(msg, request))) {
    km_put_idle(upstream);
    km_leave_way(&request->way);
    return km_finish_slow(msg, sending, KM_SLOW_SCRATCH);
  }
  if (!km_own(upstream, sending))
    return km_give_up_way(msg, sending, upstream, 0, KM_SLOW_POOL_EMPTY);
  if (request->out_length) {
    int replaced = km_replace_head(msg, request, request->head_length);
    if (replaced)
      return km_give_up_way(msg, sending, upstream, replaced < 0, KM_SLOW_COMPOSE);
    total = request->out_length + request->body_length;
  }
  /* Its answer counts as complete a moment before it is in the client's queue: that of the next request must not overtake it there. */
  if (msg->size > total)
    __sync_fetch_and_or(&sending->client->flags, KM_CLIENT_BEHIND | KM_CLIENT_PIPELINING | KM_CLIENT_ORDERED);
  if (km_redirect(msg, upstream, request->way.upstream) != SK_PASS)
    return km_give_up_way(msg, sending, upstream, request->out_length != 0, KM_SLOW_REDIRECT);
  __sync_fetch_and_add(&sending->client->requests, 1);
  bpf_msg_apply_bytes(msg, total);
  km_count_request(owner);
  if (km_is_watched())
    km_tell_request(sending->client, &request->way, owner, 0);
  km_redirected(sending);
  km_finish(sending);
  return SK_PASS;
}
