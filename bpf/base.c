// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The constant programs: the only ones that are attached. They are the same for every snapshot and stay while generations come and go.
 *
 * connect4/6 and sendmsg4/6 read the generation once and hand over to its entry program. getpeername4/6, recvmsg4/6, the socket callbacks
 * and the release of places work from the socket's storage alone, whatever the generation.
 * Invariant: with a generation set, nothing that misses falls open.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lib/flow.h"
#include "lib/http/established.h"
#include "lib/record.h"
#include "lib/socket.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Hands over to the entry program of the generation that is current now. */
static __always_inline int km_dispatch(struct bpf_sock_addr *ctx, void *programs)
{
  __u32 slot = km_current_slot();
  if (slot == KM_PASS_THROUGH || km_refused_before())
    return KM_ALLOW;
  const struct km_record *record = km_record_at(slot);
  if (!record)
    return km_refuse_internal();
  __u32 protocol = ctx->protocol;
  __u32 governed = protocol == KM_TCP ? KM_RECORD_HAS_TCP : protocol == KM_UDP ? KM_RECORD_HAS_UDP : 0;
  if (!(record->flags & governed))
    return KM_ALLOW;
  km_carry_slot(slot);
  bpf_tail_call(ctx, programs, record->program_base + KM_PROGRAM_ENTRY);
  return km_refuse_internal();
}

/* connect(AF_UNSPEC) and a second connect keep the socket and its storage, so every connect hook begins here. */
static __always_inline void km_start_anew(struct bpf_sock_addr *ctx)
{
  struct km_socket *socket = km_socket_of(ctx);
  if (!socket)
    return;
  if (socket->flags & KM_SOCKET_HTTP)
    km_end_client(ctx->sk);
  km_forget(socket);
}

SEC("cgroup/connect4")
int km_connect4(struct bpf_sock_addr *ctx)
{
  km_start_anew(ctx);
  return km_dispatch(ctx, &km_program_connect4);
}

SEC("cgroup/connect6")
int km_connect6(struct bpf_sock_addr *ctx)
{
  km_start_anew(ctx);
  return km_dispatch(ctx, &km_program_connect6);
}

/* Connected, and the datagram goes to that peer. A v6 socket with a mapped peer comes here on every send(), any other only with a destination. */
static __always_inline int km_goes_to_own_peer(struct bpf_sock *sk, const struct km_asked *asked)
{
  if (sk->state != BPF_TCP_ESTABLISHED || bpf_ntohs(sk->dst_port) != asked->key.port)
    return 0;
  union km_address peer;
  km_read_peer(sk, &peer);
  return km_same_address(&peer, asked->address.bytes);
}

/*
 * Where a datagram with a destination goes that is already settled: the peer of a connected socket or the endpoint of a flow. NULL: not settled.
 * What goes to the socket's own peer stays as it is, whoever chose that peer: connect() was decided, and answers of another peer would be dropped.
 */
struct km_settled {
  const __u8 *peer;
  __u16 port;
};

static __always_inline struct km_settled km_settle(struct bpf_sock_addr *ctx, const struct km_asked *asked)
{
  struct km_settled none = {};
  struct bpf_sock *sk = ctx->sk;
  if (km_goes_to_own_peer(sk, asked))
    return (struct km_settled){ .peer = asked->address.bytes, .port = asked->key.port };
  struct km_socket *socket = km_udp_socket_of(sk);
  if (socket && socket->flags & KM_SOCKET_REWRITTEN) {
    if (sk->state != BPF_TCP_ESTABLISHED)
      km_forget(socket); /* connect(AF_UNSPEC) */
    else if (socket->asked_port == asked->key.port && km_same_address(&asked->address, socket->asked))
      return (struct km_settled){ .peer = socket->peer, .port = socket->peer_port };
  }
  struct km_flows *flows = km_flows_of(sk);
  if (!flows)
    return none;
  __u32 now = km_now();
  struct km_flow *flow = km_flow_to(flows, asked, now);
  if (!flow)
    return none;
  flow->used = now;
  return (struct km_settled){ .peer = flow->peer, .port = flow->peer_port };
}

SEC("cgroup/sendmsg4")
int km_sendmsg4(struct bpf_sock_addr *ctx)
{
  struct km_asked asked;
  km_read_asked4(ctx, &asked);
  struct km_settled settled = km_settle(ctx, &asked);
  if (!settled.peer)
    return km_dispatch(ctx, &km_program_sendmsg4);
  km_write_address4(ctx, settled.peer, settled.port);
  return KM_ALLOW;
}

SEC("cgroup/sendmsg6")
int km_sendmsg6(struct bpf_sock_addr *ctx)
{
  struct km_asked asked;
  km_read_asked6(ctx, &asked);
  struct km_settled settled = km_settle(ctx, &asked);
  if (!settled.peer)
    return km_dispatch(ctx, &km_program_sendmsg6);
  km_write_address6(ctx, settled.peer, settled.port);
  return KM_ALLOW;
}

/* What the client asked for, when the address in the context is the one that we put in its place; else NULL. */
static __always_inline const struct km_socket *km_asked_of_peer(struct bpf_sock_addr *ctx, const union km_address *peer)
{
  struct km_socket *socket = km_socket_of(ctx);
  return socket && km_is_peer(socket, peer, km_port(ctx)) ? socket : NULL;
}

SEC("cgroup/getpeername4")
int km_getpeername4(struct bpf_sock_addr *ctx)
{
  union km_address peer;
  km_read_address4(ctx, &peer);
  const struct km_socket *socket = km_asked_of_peer(ctx, &peer);
  if (socket)
    km_write_address4(ctx, socket->asked, socket->asked_port);
  return KM_ALLOW;
}

SEC("cgroup/getpeername6")
int km_getpeername6(struct bpf_sock_addr *ctx)
{
  union km_address peer;
  km_read_address6(ctx, &peer);
  const struct km_socket *socket = km_asked_of_peer(ctx, &peer);
  if (socket)
    km_write_address6(ctx, socket->asked, socket->asked_port);
  return KM_ALLOW;
}

/* The flow that a received datagram answers. */
static __always_inline const struct km_flow *km_answered_flow(struct bpf_sock_addr *ctx, const union km_address *peer)
{
  struct km_flows *flows = km_flows_of(ctx->sk);
  if (!flows)
    return NULL;
  __u32 now = km_now();
  struct km_flow *flow = km_flow_from(flows, peer, km_port(ctx), now);
  if (flow)
    flow->used = now;
  return flow;
}

SEC("cgroup/recvmsg4")
int km_recvmsg4(struct bpf_sock_addr *ctx)
{
  union km_address peer;
  km_read_address4(ctx, &peer);
  const struct km_socket *socket = km_asked_of_peer(ctx, &peer);
  if (socket) {
    km_write_address4(ctx, socket->asked, socket->asked_port);
    return KM_ALLOW;
  }
  const struct km_flow *flow = km_answered_flow(ctx, &peer);
  if (flow)
    km_write_address4(ctx, flow->asked, flow->asked_port);
  return KM_ALLOW;
}

SEC("cgroup/recvmsg6")
int km_recvmsg6(struct bpf_sock_addr *ctx)
{
  union km_address peer;
  km_read_address6(ctx, &peer);
  const struct km_socket *socket = km_asked_of_peer(ctx, &peer);
  if (socket) {
    km_write_address6(ctx, socket->asked, socket->asked_port);
    return KM_ALLOW;
  }
  const struct km_flow *flow = km_answered_flow(ctx, &peer);
  if (flow)
    km_write_address6(ctx, flow->asked, flow->asked_port);
  return KM_ALLOW;
}

/* A SYN is about to leave: from now on the state callback gives the place back. Kept off the sockets that hold none. */
static __always_inline void km_attempt(struct bpf_sock_ops *ops, struct km_socket *socket)
{
  __u32 callbacks = socket->flags & KM_SOCKET_HTTP ? KM_HTTP_CALLBACKS : socket->counted ? BPF_SOCK_OPS_STATE_CB_FLAG : 0;
  if (!callbacks || bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | callbacks))
    return;
  socket->flags |= KM_SOCKET_ATTEMPTED;
}

static __always_inline void km_closed(struct bpf_sock *sk, struct km_socket *socket, __u32 before)
{
  if (socket->flags & KM_SOCKET_HTTP)
    km_end_client(sk);
  __u32 endpoint = socket->endpoint;
  __u32 reason = !(socket->flags & KM_SOCKET_ATTEMPTED) ? KM_REASON_NOT_ATTEMPTED :
                 socket->aborted                        ? KM_REASON_ABORTED :
                                                          KM_REASON_CONNECT_FAILED;
  if (km_release_socket(socket) && before == BPF_TCP_SYN_SENT)
    km_fail(socket, endpoint, reason);
  km_leave_seat(socket);
}

/* Most events that come are of connections that we have nothing to do with. */
static __always_inline int km_is_event(struct bpf_sock_ops *ops, __u32 event)
{
  switch (event) {
  case BPF_SOCK_OPS_TCP_CONNECT_CB:
  case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
  case BPF_SOCK_OPS_HDR_OPT_LEN_CB:
    return 1;
  case BPF_SOCK_OPS_STATE_CB:
    return ops->args[1] == BPF_TCP_CLOSE;
  default:
    return 0;
  }
}

SEC("sockops")
int km_sockops(struct bpf_sock_ops *ops)
{
  __u32 event = ops->op;
  if (!km_is_event(ops, event))
    return KM_ALLOW;
  struct bpf_sock *sk = ops->sk;
  if (!sk)
    return KM_ALLOW;
  if (event == BPF_SOCK_OPS_HDR_OPT_LEN_CB) {
    km_watch_client(ops, sk);
    return KM_ALLOW;
  }
  struct km_socket *socket = km_tcp_socket_of(sk, bpf_get_socket_cookie(ops));
  if (!socket)
    return KM_ALLOW;
  if (event == BPF_SOCK_OPS_TCP_CONNECT_CB)
    km_attempt(ops, socket);
  else if (event == BPF_SOCK_OPS_STATE_CB)
    km_closed(sk, socket, ops->args[0]);
  else if (socket->flags & KM_SOCKET_HTTP)
    km_establish_client(ops, sk);
  return KM_ALLOW;
}

/*
 * The last descriptor was closed. A TCP socket whose SYN has left still goes through its states, and the callback gives the place back at
 * their end; everything else is given back here.
 */
static __always_inline void km_release_tcp(struct bpf_sock *sk)
{
  /* Before the seat: a connection that has ended by now has left it. */
  __u32 state = *(volatile __u32 *)&sk->state;
  struct km_socket *socket = km_tcp_socket_of(sk, bpf_get_socket_cookie(sk));
  if (!socket)
    return;
  if (socket->flags & KM_SOCKET_ATTEMPTED && state != BPF_TCP_CLOSE) {
    if (state == BPF_TCP_SYN_SENT)
      socket->aborted = 1;
    if (socket->flags & KM_SOCKET_HTTP)
      km_leave_client(sk);
    return;
  }
  if (socket->flags & KM_SOCKET_HTTP)
    km_end_client(sk);
  km_end_attempt(socket);
  km_leave_seat(socket);
}

static __always_inline void km_release_udp(struct bpf_sock *sk)
{
  struct km_flows *flows = km_flows_of(sk);
  if (flows) {
    for (int i = 0; i < KM_DATAGRAM_FLOWS; i++)
      km_end_flow(km_flow_at(flows, i));
  }
  struct km_socket *socket = km_udp_socket_of(sk);
  if (socket)
    km_end_attempt(socket);
}

SEC("cgroup/sock_release")
int km_release(struct bpf_sock *sk)
{
  if (sk->protocol == KM_TCP)
    km_release_tcp(sk);
  else
    km_release_udp(sk);
  return KM_ALLOW;
}
