/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * MAGLEV: the entry of the table at the hash (Envoy: MaglevTable::chooseHost).
 */
#pragma once
#include "choice.h"

#define KM_SLOTS_ROW_SHIFT 3
#define KM_SLOTS_ROW_MASK 7

static __always_inline __u32 km_pick_in_table(struct km_choice *choice, const struct km_tier *tier, const struct km_group *group)
{
  __u32 entries = tier->entries;
  if (!entries)
    return KM_MISSING;
  __u32 entry = choice->hash % entries;
  const struct km_slots *row = km_row_of(choice, tier->table + (entry >> KM_SLOTS_ROW_SHIFT));
  if (!row)
    return KM_MISSING;
  return group->first + row->value[entry & KM_SLOTS_ROW_MASK];
}
