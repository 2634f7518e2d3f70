/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * km_http and km_name, the tables that requests are decided with. In: an epoch and a row or a name. Out: the row, or NULL.
 * Invariant: types and sizes equal those the runtime makes them with (proto/maps.ts).
 */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../abi.gen.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, KM_ENTRIES_HTTP);
  __type(key, __u32);
  __array(values, struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_INNER_MAP);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, KM_HTTP_ROW_SIZE);
  });
} km_http SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, KM_ENTRIES_NAME);
  __type(key, __u32);
  __array(values, struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(struct km_name_key));
    __uint(value_size, sizeof(struct km_name));
  });
} km_name SEC(".maps");
