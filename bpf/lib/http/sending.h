/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs of one request, from the dispatcher on. In: a message of a client. Out: where socket, client and scratch row of it are, for each of the programs
 * that hand it on to each other; and its ends: the row is given back on each way out.
 */
#pragma once
#include "../place.h"
#include "event.h"
#include "replace-head.h"
#include "slow.h"

/* What a program of a request works with. All of it or nothing. */
struct km_sending {
  struct km_http_socket *socket;
  struct km_client *client;
  struct km_request *request;
};

/* After a tail call. 0: nothing is known of the message, it must not go anywhere. */
static __always_inline int km_resume(struct sk_msg_md *msg, struct km_sending *sending)
{
  struct bpf_sock *sk = msg->sk;
  if (!sk)
    return 0;
  sending->socket = bpf_sk_storage_get(&km_http_sockets, sk, NULL, 0);
  if (!sending->socket || !sending->socket->scratch)
    return 0;
  __u32 slot = sending->socket->scratch - 1;
  sending->request = km_scratch_at(&slot);
  sending->client = km_client_of(sending->socket);
  return sending->request && sending->client;
}

/* The decision is over. */
static __always_inline void km_finish(const struct km_sending *sending)
{
  sending->socket->scratch = 0;
  km_give_scratch(sending->request);
}

static __always_inline int km_finish_slow(struct sk_msg_md *msg, const struct km_sending *sending, __u32 reason)
{
  __u32 owner = sending->request->state;
  __u32 drawn = sending->request->drawn;
  __u64 random = sending->request->random;
  km_finish(sending);
  return km_fall_drawn(msg, sending->client, owner, reason, drawn, random);
}

/* Gives back the place of a request that goes nowhere. */
static __always_inline void km_leave_way(const struct km_way *way)
{
  km_leave(way->cluster, way->cluster_incarnation);
  km_leave(way->endpoint, way->endpoint_incarnation);
}

static __always_inline int km_next(struct sk_msg_md *msg, const struct km_sending *sending, __u32 program)
{
  bpf_tail_call(msg, &km_program_request, sending->socket->program + program);
  return km_finish_slow(msg, sending, KM_SLOW_TABLE);
}

/* Messages that are corked before their pieces are put together: a message has 17 of them, and a full one is sent, corked or not. */
#define KM_CORKS_MAX 8

/*
 * The request is not whole: the kernel keeps the message and asks again when there is more. SK_DROP says what happens should it not keep it after all, which the
 * limits on pieces and body rule out: the sender learns that it failed, rather than anybody getting half a request.
 */
static __always_inline int km_wait(struct sk_msg_md *msg, const struct km_sending *sending)
{
  struct km_http_socket *socket = sending->socket;
  __u32 size = msg->size;
  socket->corks++;
  if (socket->corks >= KM_CORKS_MAX) {
    socket->corks = 0;
    if (km_window(msg, 0, size))
      return km_finish_slow(msg, sending, KM_SLOW_BODY_SIZE);
  }
  if (bpf_msg_cork_bytes(msg, size + 1))
    return km_finish_slow(msg, sending, KM_SLOW_BODY_SIZE);
  socket->corked = 1;
  km_finish(sending);
  return SK_DROP;
}

/* A redirect takes the corked message with it. */
static __always_inline void km_redirected(const struct km_sending *sending)
{
  sending->socket->corked = 0;
  sending->socket->corks = 0;
  if (!(sending->client->flags & KM_CLIENT_REDIRECTED))
    __sync_fetch_and_or(&sending->client->flags, KM_CLIENT_REDIRECTED);
}

/* Behind a request that is the client's last one, nothing of it is a request. */
static __always_inline void km_heed_close(const struct km_sending *sending)
{
  if (sending->request->flags & KM_HEAD_CLOSE)
    __sync_fetch_and_or(&sending->client->flags, KM_CLIENT_CLOSING);
}

/* A request that the kernel has dealt with, of the route that took it. */
static __always_inline void km_count_request(__u32 owner)
{
  if (owner != KM_NOBODY)
    km_count_connection_of(owner);
}

/* Of the reply in `out`: "HTTP/1.1 503". */
static __always_inline __u32 km_reply_status(const struct km_request *request)
{
  const __u8 *digits = request->out + sizeof("HTTP/1.1 ") - 1;
  return (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
}

/* A function of its own, as km_count_failure. */
static __noinline int km_count_status(__u32 owner, __u32 status)
{
  km_count_under(owner, KM_REPLY_BASE + status);
  return 0;
}

/* One that was answered here: its route's `failures`. */
static __always_inline void km_count_reply(__u32 owner, __u32 status)
{
  km_count_status(owner, status);
  struct km_state *state = owner == KM_NOBODY ? NULL : km_state_at(owner);
  if (!state)
    return;
  km_count_connection(state);
  __sync_fetch_and_add(&state->failures, 1);
}

/*
 * The reply in `out` takes the place of the request in the message, which goes back to its sender: into its own receive queue, or, where replies are kept in
 * order by TCP, out of the acceptor.
 */
static __always_inline int km_reply_here(struct sk_msg_md *msg, const struct km_sending *sending)
{
  struct km_client *client = sending->client;
  __u64 cookie = client->cookie;
  __u32 owner = sending->request->state;
  int ordered = client->flags & KM_CLIENT_ORDERED;
  if (ordered && !client->acceptor)
    return km_finish_slow(msg, sending, KM_SLOW_REDIRECT);
  /* This one is there at once; answers before it may not be: user space waits for them. */
  if (km_would_overtake(client))
    return km_finish_slow(msg, sending, KM_SLOW_PIPELINED);
  int replaced = km_replace_head(msg, sending->request, sending->request->way.total);
  __u32 length = sending->request->out_length;
  __u32 status = km_reply_status(sending->request);
  __u32 closes = sending->request->flags & KM_HEAD_CLOSE;
  if (replaced > 0)
    return km_finish_slow(msg, sending, KM_SLOW_COMPOSE);
  km_heed_close(sending);
  ordered = km_goes_by_tcp(client);
  km_finish(sending);
  if (replaced)
    return SK_DROP;
  bpf_msg_apply_bytes(msg, length);
  km_redirected(sending);
  km_count_reply(owner, status);
  if (km_is_watched())
    km_tell_request(client, NULL, owner, status);
  __sync_fetch_and_add(&client->requests, 1);
  if (closes)
    km_tell_client(KM_EVENT_ANSWERED, cookie, sending->socket->client, 1);
  if (!ordered)
    return bpf_msg_redirect_hash(msg, &km_clients, &cookie, BPF_F_INGRESS);
  /* By its own send(): in TCP before it can send anything else. */
  __sync_fetch_and_add(&client->egress, length);
  __sync_fetch_and_add(&client->settled, length);
  return bpf_msg_redirect_hash(msg, &km_acceptors, &cookie, 0);
}
