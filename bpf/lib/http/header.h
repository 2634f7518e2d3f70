/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Headers of interest by their number. In: a slot. Out: whether the request has the header, and where. Invariant: a slot that is none has no header.
 */
#pragma once
#include "request.h"

/*
 * A header that the request has. The index is read back from memory: where a comparison made it a constant on one path, the verifier would take the addition for
 * two different ones.
 */
static __always_inline const struct km_found *km_found_of(struct km_request *request, __u32 slot)
{
  request->acting.index = slot;
  __u32 index = *(volatile __u32 *)&request->acting.index & (KM_INTEREST_MAX - 1);
  barrier_var(index);
  return &request->found[index];
}

/* The header is there: bit of `seen`. */
static __always_inline int km_has_header(const struct km_request *request, __u32 slot)
{
  return slot < KM_INTEREST_MAX && request->seen >> (slot & (KM_INTEREST_MAX - 1)) & 1;
}
