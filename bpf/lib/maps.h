/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every table of proto/abi.ts, by its pin name. The runtime makes and pins them; programs meet them through these declarations.
 * Invariant: types, sizes and flags here equal those the runtime makes them with, else the kernel refuses the program or the inner map.
 */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.gen.h"

struct km_flows {
  struct km_flow flows[KM_DATAGRAM_FLOWS];
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, KM_ENTRIES_GENERATION);
  __type(key, __u32);
  __type(value, __u32);
} km_generation SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, KM_ENTRIES_RECORD);
  __type(key, __u32);
  __type(value, struct km_record);
} km_record SEC(".maps");

/* One inner table an epoch. Arrays of any length fit (BPF_F_INNER_MAP, kernel 5.10); hashes and tries always do. Those that a delta writes into are mapped.
 * Sizes instead of types: clang leaves structs out of BTF that are only named inside an inner definition. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, KM_ENTRIES_LISTENER);
  __type(key, __u32);
  __array(values, struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(struct km_listener_key));
    __uint(value_size, sizeof(struct km_listener_value));
  });
} km_listener SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, KM_ENTRIES_MATCH);
  __type(key, __u32);
  __array(values, struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(struct km_match_key));
    __uint(value_size, sizeof(__u32));
  });
} km_match SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, KM_ENTRIES_CHAIN);
  __type(key, __u32);
  __array(values, struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_INNER_MAP);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(struct km_chain));
  });
} km_chain SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, KM_ENTRIES_CLUSTER);
  __type(key, __u32);
  __array(values, struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(struct km_cluster));
  });
} km_cluster SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, KM_ENTRIES_ENDPOINT);
  __type(key, __u32);
  __array(values, struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, KM_ROW_SIZE);
  });
} km_endpoint SEC(".maps");

/* Shards survive epochs. The runtime writes single fields of live rows through a mapping. All have the same length, so the kernel turns their lookups into a few instructions: no BPF_F_INNER_MAP. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, KM_ENTRIES_STATE);
  __type(key, __u32);
  __array(values, struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, KM_STATE_SHARD_ROWS);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(struct km_state));
  });
} km_state SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, KM_ENTRIES_FAILURE);
  __type(key, struct km_failure_key);
  __type(value, __u64);
} km_failure SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, KM_ENTRIES_SOURCE);
  __type(key, __u64);
  __type(value, struct km_source);
} km_source SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, KM_ENTRIES_SEATS);
  __type(key, __u32);
  __type(value, struct km_socket);
} km_seats SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct km_socket);
} km_sockets SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct km_flows);
} km_flows SEC(".maps");

/* One prog array an attach type: newer kernels let programs of different attach types share none. */
struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, KM_ENTRIES_PROGRAM_CONNECT4);
  __uint(key_size, sizeof(__u32));
  __uint(value_size, sizeof(__u32));
} km_program_connect4 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, KM_ENTRIES_PROGRAM_CONNECT6);
  __uint(key_size, sizeof(__u32));
  __uint(value_size, sizeof(__u32));
} km_program_connect6 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, KM_ENTRIES_PROGRAM_SENDMSG4);
  __uint(key_size, sizeof(__u32));
  __uint(value_size, sizeof(__u32));
} km_program_sendmsg4 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, KM_ENTRIES_PROGRAM_SENDMSG6);
  __uint(key_size, sizeof(__u32));
  __uint(value_size, sizeof(__u32));
} km_program_sendmsg6 SEC(".maps");
