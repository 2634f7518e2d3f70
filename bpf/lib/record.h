/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The generation of a decision: read once by a dispatcher, carried along, never read again.
 *
 * From the dispatcher to the entry program it travels in the hook's own return value, which belongs to this run of the hook alone: a socket
 * that turns out not to be governed then costs no storage. The entry program takes it out before anything else. From there on it is in
 * the socket's storage.
 */
#pragma once
#include "maps.h"
#include "verdict.h"

#define KM_PASS_THROUGH 0

static __always_inline __u32 km_current_slot(void)
{
  __u32 zero = 0;
  __u32 *slot = bpf_map_lookup_elem(&km_generation, &zero);
  return slot ? *(volatile __u32 *)slot : KM_PASS_THROUGH;
}

static __always_inline const struct km_record *km_record_at(__u32 slot)
{
  return bpf_map_lookup_elem(&km_record, &slot);
}

static __always_inline void km_carry_slot(__u32 slot)
{
  bpf_set_retval(slot);
}

static __always_inline __u32 km_take_carried_slot(void)
{
  __u32 slot = bpf_get_retval();
  bpf_set_retval(0);
  return slot;
}

/* A program that ran before us, ours to respect: the connection will not be made. */
static __always_inline int km_refused_before(void)
{
  return bpf_get_retval() < 0;
}
