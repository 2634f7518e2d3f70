/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ROUND_ROBIN: one cursor a group, shared by all CPUs; weights as Envoy's scheduler meets them, each exactly in every round.
 */
#pragma once
#include "choice.h"

static __always_inline __u32 km_pick_in_turn(struct km_choice *choice, const struct km_tier *tier, const struct km_group *group)
{
  __u32 point = km_next_point(choice, group->cursor, group->total, group->stride);
  if (group->flags & KM_GROUP_EQUAL)
    return group->first + point;
  return km_search_endpoint(choice->rows, group->first, group->count, point);
}
