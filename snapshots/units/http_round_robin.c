// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ROUND_ROBIN: endpoints in turn, by weight, for requests
 *
 * In: a routed request with its cluster. Out: the endpoint, with a place in it, to the program that forwards.
 */
#include "lib/http/endpoint.h"
#include "lib/in-turn.h"
#define KM_PICK km_pick_in_turn
#define KM_GROUP_OF km_only_group
#include "lib/choose.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("sk_msg")
int km_http_round_robin(struct sk_msg_md *msg)
{
  struct km_sending sending;
  if (!km_resume(msg, &sending))
    return SK_DROP;
  struct km_place place;
  __u32 reason = km_open_request(sending.request, &place);
  if (reason != KM_REASON_NONE)
    return km_no_endpoint(msg, &sending, &place, reason);
  place.choice->hash = km_hash_for_tier(place.choice, sending.request->hash_flags);
  __u32 position = km_choose(place.choice);
  const struct km_endpoint *endpoint = km_endpoint_at(place.choice, position);
  if (!endpoint || !km_enter_way(&sending, &place, endpoint))
    return km_no_endpoint(msg, &sending, &place, km_reason_of(position));
  return km_take_way(msg, &sending);
}
