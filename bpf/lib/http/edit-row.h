/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rows of km_edit, by their number + 1. In: km_upstream.edit or km_request.edit. Out: the row; NULL: there is none. */
#pragma once
#include "socket-maps.h"

static __always_inline struct km_edit *km_edit_at(__u32 number)
{
  __u32 row = number - 1;
  return number ? bpf_map_lookup_elem(&km_edit, &row) : NULL;
}

static __always_inline struct km_edits *km_edits_of(struct km_edit *edit)
{
  return (struct km_edits *)edit->rows;
}
