/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a monitor is told of requests. In: a client and what was decided about its request. Out: as in ../decided.h.
 */
#pragma once
#include "../decided.h"
#include "request.h"

/* A request that is on its way to an endpoint, or that was answered here with `status`. `way`: NULL where there is none. */
__noinline int km_tell_request(const struct km_client *client, const struct km_way *way, __u32 route, __u32 status)
{
  if (!client)
    return 0;
  struct km_decision *decision = km_decision_of(way ? KM_DECIDED_REQUEST : KM_DECIDED_REPLY);
  if (!decision)
    return 0;
  decision->cookie = client->cookie;
  decision->generation = client->generation;
  __builtin_memcpy(decision->asked, client->asked, sizeof(decision->asked));
  decision->asked_port = client->asked_port;
  decision->protocol = 6;
  decision->listener = client->listener;
  decision->route = route;
  decision->status = status;
  if (way) {
    __builtin_memcpy(decision->peer, way->address, sizeof(decision->peer));
    decision->peer_port = way->port;
    decision->cluster = way->cluster;
    decision->endpoint = way->endpoint;
  }
  km_tell(decision);
  return 0;
}

/* A connection that goes to user space. */
__noinline int km_tell_slow(const struct km_client *client, __u32 route, __u32 reason)
{
  if (!client)
    return 0;
  struct km_decision *decision = km_decision_of(KM_DECIDED_SLOW);
  if (!decision)
    return 0;
  decision->cookie = client->cookie;
  decision->generation = client->generation;
  __builtin_memcpy(decision->asked, client->asked, sizeof(decision->asked));
  decision->asked_port = client->asked_port;
  decision->protocol = 6;
  decision->listener = client->listener;
  decision->route = route;
  decision->reason = reason;
  km_tell(decision);
  return 0;
}
