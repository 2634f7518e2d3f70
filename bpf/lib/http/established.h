/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A client's connection as its socket callbacks see it. In: events of sockets with KM_SOCKET_HTTP. Out: the socket in km_clients before its first message
 * can be sent, and the client known by its address before the holder can accept it.
 *
 * Bytes may leave a socket that no message program saw: with the SYN (TCP Fast Open), or from a send() that waited for the connection inside the kernel. The
 * callback before each packet compares what has left with what was passed; the acceptor gets such bytes, and user space keeps the connection.
 *
 * A socket of a workload that opted out stays outside of km_clients: a blocking recv() of one that is in it returns EAGAIN whenever its thread is woken by anything but bytes
 * (net/ipv4/tcp_bpf.c waits once). The callbacks of a cgroup run before those of the cgroups above it.
 */
#pragma once
#include "client.h"

#define KM_HTTP_CALLBACKS (BPF_SOCK_OPS_STATE_CB_FLAG | BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG)

static __always_inline void km_make_early(struct km_client *client)
{
  __sync_fetch_and_or(&client->flags, KM_CLIENT_EARLY);
  __sync_fetch_and_or(&client->passed, KM_CLIENT_SLOW);
}

static __always_inline void km_read_local(struct bpf_sock_ops *ops, union km_address *address)
{
  __u32 v4 = ops->local_ip4;
  barrier_var(v4);
  if (ops->family == KM_AF_INET6) {
    __u32 words[] = { ops->local_ip6[0], ops->local_ip6[1], ops->local_ip6[2], ops->local_ip6[3] };
    address->words[0] = words[0];
    barrier_var(words[1]);
    address->words[1] = words[1];
    barrier_var(words[2]);
    address->words[2] = words[2];
    barrier_var(words[3]);
    address->words[3] = words[3];
    return;
  }
  address->halves[0] = 0;
  address->words[2] = KM_MAPPED;
  address->words[3] = v4;
}

static __always_inline void km_establish_client(struct bpf_sock_ops *ops, struct bpf_sock *sk)
{
  struct km_http_socket *socket = bpf_sk_storage_get(&km_http_sockets, sk, NULL, 0);
  struct km_client *client = socket ? km_client_of(socket) : NULL;
  if (!client)
    return;
  __u64 cookie = socket->cookie;
  struct km_client_address_key key = { .netns = client->netns, .port = ops->local_port };
  union km_address local;
  km_read_local(ops, &local);
  km_copy_address(key.address, local.bytes);
  km_copy_address(client->local, local.bytes);
  client->local_port = key.port;
  client->first = ops->snd_nxt;
  struct km_client_place place = { .cookie = cookie, .row = socket->client };
  bpf_map_update_elem(&km_client_by_address, &key, &place, BPF_ANY);
  if (__sync_fetch_and_or(&client->flags, KM_CLIENT_ESTABLISHED) & KM_CLIENT_MANUAL)
    return;
  if (ops->data_segs_out || bpf_sock_hash_update(ops, &km_clients, &cookie, BPF_NOEXIST))
    km_make_early(client);
}

/* A packet is about to leave. */
static __always_inline void km_watch_client(struct bpf_sock_ops *ops, struct bpf_sock *sk)
{
  __u32 bytes = ops->skb_len;
  if (!bytes)
    return;
  struct km_http_socket *socket = bpf_sk_storage_get(&km_http_sockets, sk, NULL, 0);
  struct km_client *client = socket ? km_client_of(socket) : NULL;
  if (!client || !(client->flags & KM_CLIENT_ESTABLISHED))
    return;
  __u32 left = ops->snd_nxt - client->first + bytes;
  __u32 passed = client->passed;
  if ((__s32)(left - passed) > 0)
    km_make_early(client);
}
