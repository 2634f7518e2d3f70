// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ROUND_ROBIN: endpoints in turn, by weight
 *
 * In: a decision in the socket's storage. Out: the endpoint's address in the context, everything counted, or a refusal.
 */
#include "lib/give.h"
#include "lib/in-turn.h"
#define KM_PICK km_pick_in_turn
#define KM_GROUP_OF km_only_group
#include "lib/choose.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";


SEC("cgroup/connect4")
int km_round_robin_connect4(struct bpf_sock_addr *ctx)
{
  struct km_asked asked;
  km_read_asked4(ctx, &asked);
  struct km_place place;
  int verdict = km_open_choice(ctx, &place);
  if (verdict != KM_UNDECIDED)
    return verdict;
  struct km_choice *choice = km_choice_of(place.socket);
  choice->hash = km_hash_for_tier(choice, place.socket->flags & KM_SOCKET_HASH);
  choice->family = km_family_connect4(ctx);
#pragma unroll
  for (int i = 0; i < KM_TRIES; i++) {
    __u32 position = km_choose(choice);
    const struct km_endpoint *endpoint = km_endpoint_at(choice, position);
    if (!endpoint)
      return km_give_up(&place, km_reason_of(position));
    if (km_reaches(choice, endpoint))
      return km_give_connect4(ctx, &place, &asked, endpoint);
    km_try_another(choice, i);
  }
  return km_give_up(&place, KM_REASON_FAMILY);
}

SEC("cgroup/connect6")
int km_round_robin_connect6(struct bpf_sock_addr *ctx)
{
  struct km_asked asked;
  km_read_asked6(ctx, &asked);
  struct km_place place;
  int verdict = km_open_choice(ctx, &place);
  if (verdict != KM_UNDECIDED)
    return verdict;
  struct km_choice *choice = km_choice_of(place.socket);
  choice->hash = km_hash_for_tier(choice, place.socket->flags & KM_SOCKET_HASH);
  choice->family = km_family_connect6(ctx);
#pragma unroll
  for (int i = 0; i < KM_TRIES; i++) {
    __u32 position = km_choose(choice);
    const struct km_endpoint *endpoint = km_endpoint_at(choice, position);
    if (!endpoint)
      return km_give_up(&place, km_reason_of(position));
    if (km_reaches(choice, endpoint))
      return km_give_connect6(ctx, &place, &asked, endpoint);
    km_try_another(choice, i);
  }
  return km_give_up(&place, KM_REASON_FAMILY);
}
