/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Socket storage: what we know of a governed socket. Hooks run under the socket lock, but for cgroup/sock_release.
 * Invariant: only governed sockets have storage, and a socket that connects again starts from nothing.
 */
#pragma once
#include "address.h"
#include "place.h"

/* The rows of one version of a cluster. Aligned, so that clang passes it in one register. */
struct km_rows {
  __u32 epoch;
  __u32 first;
} __attribute__((aligned(8)));

/* A decision in progress, in the socket's storage. Numbers only: the verifier proves a function that takes it once, whoever calls. */
struct km_choice {
  __u64 hash;
  struct km_rows rows;
  struct km_keys keys;
  __u32 tiers;
  /* KM_ANY_FAMILY or what the socket can reach; scan: look for it behind the endpoint that was drawn */
  __u32 family;
  __u32 scan;
  /* LEAST_REQUEST */
  __u32 flags;
  __u32 choice_count;
  __u32 bias;
};
_Static_assert(sizeof(struct km_choice) == sizeof(((struct km_socket *)0)->choice), "km_socket has room for it");

#define KM_ANY_FAMILY 0
#define KM_ONLY_V4 4
#define KM_ONLY_V6 6

static __always_inline struct km_choice *km_choice_of(struct km_socket *socket)
{
  return (struct km_choice *)socket->choice;
}

static __always_inline struct km_socket *km_socket_of(struct bpf_sock *sk)
{
  return bpf_sk_storage_get(&km_sockets, sk, NULL, 0);
}

static __always_inline struct km_socket *km_make_socket(struct bpf_sock *sk)
{
  return bpf_sk_storage_get(&km_sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
}

/* Gives back what the socket still holds. A TCP socket that holds a place and never sent a SYN was stopped behind our hook. */
static __always_inline void km_end_attempt(struct km_socket *socket)
{
  __u32 endpoint = socket->endpoint;
  int stopped = socket->protocol == KM_TCP && !(socket->flags & KM_SOCKET_ATTEMPTED);
  if (km_release_socket(socket) && stopped)
    km_count_failure(endpoint, KM_REASON_NOT_ATTEMPTED);
}

/* connect(AF_UNSPEC) and a second connect keep the socket and its storage, so every connect hook begins here. */
static __always_inline void km_forget(struct km_socket *socket)
{
  km_end_attempt(socket);
  socket->flags = 0;
}

static __always_inline int km_is_peer(const struct km_socket *socket, const union km_address *address, __u16 port)
{
  return socket->flags & KM_SOCKET_REWRITTEN && socket->peer_port == port && km_same_address(address, socket->peer);
}
