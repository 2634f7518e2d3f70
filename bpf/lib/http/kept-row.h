/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rows of km_kept, by their number + 1. In: km_upstream.kept or km_request.kept. Out: the row; NULL: there is none. */
#pragma once
#include "socket-maps.h"

static __always_inline struct km_kept *km_kept_at(__u32 number)
{
  __u32 row = number - 1;
  return number ? bpf_map_lookup_elem(&km_kept, &row) : NULL;
}
