/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What we know of a governed socket. Hooks run under the socket lock, but for cgroup/sock_release.
 *
 * A TCP socket has a seat: the row of km_seats at its cookie modulo the number of seats. Cookies are given out one after the other, so seats
 * collide only with connections that stay. Whose seat is taken has socket storage instead, as every UDP socket has: two allocations and two
 * deferred releases, which cost more than all the rest of a decision.
 * Invariants: only governed sockets have either, and a socket that connects again starts from nothing. A seat is left when nothing will look
 * for it any more: at the end of the connection, or with the last descriptor of a socket whose connection has ended or was never attempted.
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

static __always_inline struct km_socket *km_seat_of(__u64 cookie)
{
  __u32 index = cookie & (KM_SEATS - 1);
  return bpf_map_lookup_elem(&km_seats, &index);
}

static __always_inline struct km_socket *km_tcp_socket_of(struct bpf_sock *sk, __u64 cookie)
{
  struct km_socket *seat = km_seat_of(cookie);
  return seat && seat->owner == cookie ? seat : bpf_sk_storage_get(&km_sockets, sk, NULL, 0);
}

static __always_inline struct km_socket *km_udp_socket_of(struct bpf_sock *sk)
{
  return bpf_sk_storage_get(&km_sockets, sk, NULL, 0);
}

/* By the context of a hook that meets both. */
static __always_inline struct km_socket *km_socket_of(struct bpf_sock_addr *ctx)
{
  return ctx->protocol == KM_TCP ? km_tcp_socket_of(ctx->sk, bpf_get_socket_cookie(ctx)) : km_udp_socket_of(ctx->sk);
}

/* The socket's own seat, also when it has it already; NULL where another socket has it. */
static __always_inline struct km_socket *km_take_seat(__u64 cookie)
{
  struct km_socket *seat = km_seat_of(cookie);
  if (!seat || seat->owner == cookie)
    return seat;
  if (seat->owner || __sync_val_compare_and_swap(&seat->owner, 0, cookie))
    return NULL;
  seat->flags = 0;
  return seat;
}

static __always_inline struct km_socket *km_make_socket(struct bpf_sock_addr *ctx)
{
  struct km_socket *seat = ctx->protocol == KM_TCP ? km_take_seat(bpf_get_socket_cookie(ctx)) : NULL;
  return seat ? seat : bpf_sk_storage_get(&km_sockets, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
}

/* An exchange, so that nothing that was written before is seen after. In storage there is no owner to take out. */
static __always_inline void km_leave_seat(struct km_socket *socket)
{
  if (socket->owner)
    __sync_lock_test_and_set(&socket->owner, 0);
}

/* The connection came to nothing at its endpoint. */
static __always_inline void km_fail(const struct km_socket *socket, __u32 endpoint, __u32 reason)
{
  km_count_failure(endpoint, reason);
  if (km_is_watched())
    km_tell_socket(socket, KM_DECIDED_FAILED, reason);
}

/* Gives back what the socket still holds. A TCP socket that holds a place and never sent a SYN was stopped behind our hook. */
static __always_inline void km_end_attempt(struct km_socket *socket)
{
  __u32 endpoint = socket->endpoint;
  int stopped = socket->protocol == KM_TCP && !(socket->flags & KM_SOCKET_ATTEMPTED);
  if (km_release_socket(socket) && stopped)
    km_fail(socket, endpoint, KM_REASON_NOT_ATTEMPTED);
}

/* The socket starts from nothing again. */
static __always_inline void km_forget(struct km_socket *socket)
{
  km_end_attempt(socket);
  socket->flags = 0;
}

static __always_inline int km_is_peer(const struct km_socket *socket, const union km_address *address, __u16 port)
{
  return socket->flags & KM_SOCKET_REWRITTEN && socket->peer_port == port && km_same_address(address, socket->peer);
}
