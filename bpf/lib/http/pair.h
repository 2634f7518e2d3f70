/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds the two ends of one connection on one node. In: the callbacks of both when the connection stands. Out: the server's socket in km_servers, and either end
 * known to the other. Both know the two initial sequence numbers, which nobody else does: so neither network namespaces with the same addresses
 * nor translated addresses make a wrong pair.
 */
#pragma once
#include "upstream.h"

/* The upstream, which stands first. */
static __always_inline void km_announce_upstream(struct bpf_sock_ops *ops)
{
  struct km_pair_key key = { .sent = ops->snd_nxt, .received = ops->rcv_nxt, .port = ops->local_port };
  __u64 cookie = bpf_get_socket_cookie(ops);
  bpf_map_update_elem(&km_pair, &key, &cookie, BPF_ANY);
}

static __always_inline void km_meet_upstream(struct bpf_sock_ops *ops)
{
  struct bpf_sock *sk = ops->sk;
  if (!sk)
    return;
  struct km_pair_key key = { .sent = ops->rcv_nxt, .received = ops->snd_nxt, .port = bpf_ntohl(ops->remote_port) };
  __u64 *met = bpf_map_lookup_elem(&km_pair, &key);
  if (!met)
    return;
  __u64 upstream = *met;
  __u64 cookie = bpf_get_socket_cookie(ops);
  struct km_server_socket *server = bpf_sk_storage_get(&km_server_sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
  if (!server)
    return;
  server->cookie = cookie;
  server->upstream = upstream;
  if (bpf_sock_hash_update(ops, &km_servers, &cookie, BPF_NOEXIST))
    return;
  bpf_map_update_elem(&km_server_of, &upstream, &cookie, BPF_ANY);
  struct km_upstream *row = km_upstream_of(upstream);
  if (row)
    row->server = cookie;
}
