// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * RANDOM: any endpoint, whatever its weight
 *
 * In: a decision in the socket's storage. Out: the endpoint's address in the context, everything counted, or a refusal.
 */
#include "lib/give.h"
#include "lib/reach.h"
#include "lib/evenly.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The position of the endpoint's row, or KM_NONE, or KM_MISSING. Global, so that it is verified once. */
__noinline __u32 km_choose(struct km_choice *choice)
{
  if (!choice)
    return KM_MISSING;
  const struct km_tier *tier = km_tier(choice);
  if (!tier)
    return KM_MISSING;
  if (!tier->groups)
    return KM_NONE;
  const struct km_group *group = km_group_in_turn(choice, tier);
  if (!group)
    return KM_MISSING;
  return km_in_reach(choice, group, km_pick_evenly(choice, tier, group));
}

SEC("cgroup/connect4")
int km_random_connect4(struct bpf_sock_addr *ctx)
{
  struct km_asked asked;
  km_read_asked4(ctx, &asked);
  struct km_place place;
  int verdict = km_open_choice(ctx, &place);
  if (verdict != KM_UNDECIDED)
    return verdict;
  struct km_choice *choice = km_choice_of(place.socket);
  choice->hash = km_hash_random(choice, place.socket);
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
int km_random_connect6(struct bpf_sock_addr *ctx)
{
  struct km_asked asked;
  km_read_asked6(ctx, &asked);
  struct km_place place;
  int verdict = km_open_choice(ctx, &place);
  if (verdict != KM_UNDECIDED)
    return verdict;
  struct km_choice *choice = km_choice_of(place.socket);
  choice->hash = km_hash_random(choice, place.socket);
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
