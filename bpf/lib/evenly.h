/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * RANDOM: every endpoint alike, whatever its weight, by the number that chose the tier (Envoy: RandomLoadBalancer).
 */
#pragma once
#include "choice.h"

static __always_inline __u32 km_pick_evenly(struct km_choice *choice, const struct km_tier *tier, const struct km_group *group)
{
  __u32 count = group->count;
  if (!count)
    return KM_MISSING;
  return group->first + choice->hash % count;
}
