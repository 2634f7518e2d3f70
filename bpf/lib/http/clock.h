/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* km_clock: the date as headers have it. Whoever holds the sockets writes it each second. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../abi.gen.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, KM_ENTRIES_CLOCK);
  __type(key, __u32);
  __uint(value_size, KM_CLOCK_BYTES);
} km_clock SEC(".maps");
