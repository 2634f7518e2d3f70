/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Room for one request while it is decided. In: nothing. Out: a row of this CPU, which belongs to its taker until it is given back.
 *
 * Programs in process context may be preempted and softirqs nest on top of them, so a CPU has several rows and each is taken by an exchange. A taker
 * stays on its CPU (migration is disabled around a run), also across tail calls. The number of the row is in the row itself and in the
 * socket's storage; functions that are verified on their own find the row by it, since only of a map value may they go to any offset.
 */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "request.h"

struct km_scratch_row {
  union {
    struct km_request request;
    __u8 bytes[KM_SCRATCH_BYTES];
  };
};
_Static_assert(sizeof(struct km_scratch_row) == KM_SCRATCH_BYTES, "a request fits into its row");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, KM_ENTRIES_SCRATCH);
  __type(key, __u32);
  __type(value, struct km_scratch_row);
} km_scratch SEC(".maps");

/* By number, which is behind the pointer: a lookup takes it from there. */
static __always_inline struct km_request *km_scratch_at(const __u32 *slot)
{
  struct km_scratch_row *row = bpf_map_lookup_elem(&km_scratch, slot);
  return row ? &row->request : NULL;
}

/*
 * Numbers of rows as constant data: a key. Linux 6.1 takes no key from the memory that a global function is given, and the first write to a place on the stack
 * costs a speculation barrier without CAP_PERFMON.
 */
static const volatile __u32 km_scratch_numbers[KM_ENTRIES_SCRATCH] = { 0, 1, 2, 3 };
_Static_assert(KM_ENTRIES_SCRATCH == 4, "a number for each row");

/* The same row again, as a map value. */
static __always_inline struct km_request *km_scratch_of(const struct km_request *given)
{
  return given ? km_scratch_at((const __u32 *)&km_scratch_numbers[given->slot & (KM_ENTRIES_SCRATCH - 1)]) : NULL;
}

/* A free row; NULL: all are taken. */
static __always_inline struct km_request *km_take_scratch(void)
{
#pragma unroll
  for (int i = 0; i < KM_ENTRIES_SCRATCH; i++) {
    __u32 slot = i;
    struct km_request *request = km_scratch_at(&slot);
    if (!request)
      return NULL;
    if (!request->busy && !__sync_val_compare_and_swap(&request->busy, 0, 1)) {
      request->slot = i;
      return request;
    }
  }
  return NULL;
}

static __always_inline void km_give_scratch(struct km_request *request)
{
  __sync_lock_test_and_set(&request->busy, 0);
}
