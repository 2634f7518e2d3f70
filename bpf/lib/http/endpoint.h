/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The endpoint of a request. In: its cluster. Out: where it goes (struct km_way), with a place in cluster and endpoint, or the reply that says that it goes
 * nowhere.
 */
#pragma once
#include "../choice.h"
#include "../reach.h"
#include "sending.h"

/* KM_REASON_NONE, or why not. */
static __always_inline __u32 km_open_request(struct km_request *request, struct km_place *place)
{
  struct km_choice *choice = (struct km_choice *)request->way.choice;
  place->socket = NULL;
  choice->hash = request->hash;
  choice->family = KM_ANY_FAMILY;
  return km_take_place(choice, &request->epoch, &request->cluster, request->generation, place);
}

/* 0: the endpoint has no state row. */
static __always_inline int km_enter_way(const struct km_sending *sending, const struct km_place *place, const struct km_endpoint *endpoint)
{
  struct km_state *counts = km_enter_endpoint(place, endpoint);
  if (!counts)
    return 0;
  struct km_way *way = &sending->request->way;
  km_copy_address(way->address, endpoint->address);
  way->port = endpoint->port;
  way->cluster = place->cluster->state;
  way->endpoint = endpoint->state;
  way->cluster_incarnation = place->counts->incarnation;
  way->endpoint_incarnation = counts->incarnation;
  way->key.netns = sending->client->netns;
  way->key.endpoint = endpoint->state;
  way->key.incarnation = counts->incarnation;
  way->key.marks = sending->client->marks;
  way->key.pad = 0;
  return 1;
}

/* To the program that forwards, which may be another generation's by now, or gone. */
static __always_inline int km_take_way(struct sk_msg_md *msg, const struct km_sending *sending)
{
  bpf_tail_call(msg, &km_program_request, sending->socket->program + KM_PROGRAM_HTTP_FORWARD);
  km_leave_way(&sending->request->way);
  return km_finish_slow(msg, sending, KM_SLOW_TABLE);
}

/* Nobody can be chosen: the place goes back, where one was taken, and the program that acts answers. */
static __always_inline int km_no_endpoint(struct sk_msg_md *msg, const struct km_sending *sending, const struct km_place *place, __u32 reason)
{
  if (reason == KM_REASON_INTERNAL)
    return km_finish_slow(msg, sending, KM_SLOW_TABLE);
  km_count_failure(place->cluster->state, reason);
  if (reason == KM_REASON_NO_ENDPOINT)
    km_unreserve(place->counts);
  sending->request->way.failure = reason;
  return km_next(msg, sending, KM_PROGRAM_HTTP_ACT);
}
