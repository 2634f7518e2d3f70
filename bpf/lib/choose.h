/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One endpoint of a cluster. In: an open choice; KM_PICK and KM_GROUP_OF, the functions of the policy, which the includer defines. Out: the position of its row.
 */
#pragma once
#include "reach.h"

/*
 * The position, or KM_NONE, or KM_MISSING. Global, so that it is verified once, and with a copy of the choice: keys of lookups are in it, and Linux 6.1 takes none from memory that a global function is
 * given. Whoever calls goes on with the rows alone, which stay as they are.
 */
__noinline __u32 km_choose(const struct km_choice *given)
{
  if (!given)
    return KM_MISSING;
  struct km_choice copy = *given;
  struct km_choice *choice = &copy;
  const struct km_tier *tier = km_tier(choice);
  if (!tier)
    return KM_MISSING;
  if (!tier->groups)
    return KM_NONE;
  const struct km_group *group = KM_GROUP_OF(choice, tier);
  if (!group)
    return KM_MISSING;
  return km_in_reach(choice, group, KM_PICK(choice, tier, group));
}
