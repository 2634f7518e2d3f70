/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tables of sockets that carry requests (proto/http/sockets.ts). Invariant: as in ../maps.h, what is said here equals what the runtime makes.
 */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "clock.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, KM_ENTRIES_CLIENT);
  __type(key, __u32);
  __type(value, struct km_client);
} km_client SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, KM_ENTRIES_UPSTREAM);
  __type(key, __u32);
  __type(value, struct km_upstream);
} km_upstream SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, KM_ENTRIES_POOL);
  __type(key, __u32);
  __type(value, struct km_pool);
} km_pool SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, KM_ENTRIES_EDIT);
  __type(key, __u32);
  __type(value, struct km_edit);
} km_edit SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, KM_ENTRIES_KEPT);
  __type(key, __u32);
  __type(value, struct km_kept);
} km_kept SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SOCKHASH);
  __uint(max_entries, KM_ENTRIES_CLIENTS);
  __type(key, __u64);
  __type(value, __u64);
} km_clients SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SOCKHASH);
  __uint(max_entries, KM_ENTRIES_ACCEPTORS);
  __type(key, __u64);
  __type(value, __u64);
} km_acceptors SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SOCKHASH);
  __uint(max_entries, KM_ENTRIES_UPSTREAMS);
  __type(key, __u64);
  __type(value, __u64);
} km_upstreams SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SOCKHASH);
  __uint(max_entries, KM_ENTRIES_SERVERS);
  __type(key, __u64);
  __type(value, __u64);
} km_servers SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct km_http_socket);
} km_http_sockets SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct km_server_socket);
} km_server_sockets SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, KM_ENTRIES_CLIENT_BY_ADDRESS);
  __type(key, struct km_client_address_key);
  __type(value, struct km_client_place);
} km_client_by_address SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, KM_ENTRIES_POOL_OF);
  __type(key, struct km_pool_key);
  __type(value, __u32);
} km_pool_of SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, KM_ENTRIES_ACCEPTOR);
  __type(key, struct km_acceptor_key);
  __type(value, struct km_acceptor);
} km_acceptor SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, KM_ENTRIES_PAIR);
  __type(key, struct km_pair_key);
  __type(value, __u64);
} km_pair SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, KM_ENTRIES_SERVER_OF);
  __type(key, __u64);
  __type(value, __u64);
} km_server_of SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, KM_ENTRIES_EVENTS);
} km_events SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, KM_ENTRIES_PROGRAM_REQUEST);
  __uint(key_size, sizeof(__u32));
  __uint(value_size, sizeof(__u32));
} km_program_request SEC(".maps");
