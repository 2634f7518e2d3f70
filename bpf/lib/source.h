/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The hash of the source address, where hash_policy asks for it. Routing comes after the hook, so an unbound socket has no source yet: it is
 * what the socket is bound to; else loopback, when loopback is dialled; else the one address of the network namespace, from a table that the
 * runtime fills. Invariant: where none of these is known, the connection is refused, never hashed over 0.
 */
#pragma once
#include "choice.h"
#include "hash.h"

/* A v6 socket that connects to an IPv4 address has that form of its bound address, too. */
static __always_inline void km_source_connect4(const struct bpf_sock_addr *ctx, union km_address *source)
{
  source->halves[0] = 0;
  source->words[2] = KM_MAPPED;
  source->words[3] = ctx->sk->src_ip4;
}

static __always_inline void km_source_connect6(const struct bpf_sock_addr *ctx, union km_address *source)
{
  km_read_bound6(ctx, source);
}

/* What the socket is bound to, or the datagram names (IP_PKTINFO). */
static __always_inline void km_source_sendmsg4(const struct bpf_sock_addr *ctx, union km_address *source)
{
  source->halves[0] = 0;
  source->words[2] = KM_MAPPED;
  source->words[3] = ctx->msg_src_ip4;
}

static __always_inline void km_source_sendmsg6(const struct bpf_sock_addr *ctx, union km_address *source)
{
  source->words[0] = ctx->msg_src_ip6[0];
  source->words[1] = ctx->msg_src_ip6[1];
  source->words[2] = ctx->msg_src_ip6[2];
  source->words[3] = ctx->msg_src_ip6[3];
}

/* 1 with the address that the namespace has for the family of what was asked. */
static __always_inline int km_source_of_namespace(struct bpf_sock_addr *ctx, int v4, union km_address *source)
{
  __u64 cookie = bpf_get_netns_cookie(ctx);
  const struct km_source *known = bpf_map_lookup_elem(&km_source, &cookie);
  if (!known)
    return 0;
  const __u8 *address4 = known->v4;
  const __u8 *address6 = known->v6;
  /* Against an offset that is chosen at run time, as in ring.h. */
  barrier_var(address4);
  barrier_var(address6);
  km_copy_address(source->bytes, v4 ? address4 : address6);
  return source->halves[0] || source->halves[1];
}

/* 1 with the source that the kernel will take for loopback. */
static __always_inline int km_source_of_loopback(const union km_address *asked, int v4, union km_address *source)
{
  if (v4 ? asked->bytes[12] != KM_LOOPBACK4_NET : asked->halves[0] != 0 || asked->words[2] != 0 || asked->words[3] != KM_LOOPBACK6)
    return 0;
  source->halves[0] = 0;
  source->words[2] = v4 ? KM_MAPPED : 0;
  source->words[3] = v4 ? KM_LOOPBACK4 : KM_LOOPBACK6;
  return 1;
}

/* 0: the source is not known. `source` holds what the hook knows, unspecified when that is nothing. */
static __always_inline int km_hash_source(struct bpf_sock_addr *ctx, const struct km_asked *asked, union km_address *source,
                                          const struct km_socket *socket, struct km_choice *choice)
{
  if (!(socket->flags & KM_SOCKET_HASH_SOURCE)) {
    choice->hash = km_hash_given(choice, socket->flags & KM_SOCKET_HASH);
    return 1;
  }
  int v4 = km_is_v4(&asked->address);
  if (km_is_unspecified(source) && !km_source_of_loopback(&asked->address, v4, source) && !km_source_of_namespace(ctx, v4, source))
    return 0;
  struct km_text text = {};
  km_write_address_text(&text, source);
  choice->hash = km_hash_text(&text);
  return 1;
}
