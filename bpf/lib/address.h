/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Addresses in one form: 16 bytes, IPv4 as ::ffff:a.b.c.d, ports in host order.
 * In: the context of a hook. Out: what was asked, normalised; or an address written back in the form that the hook's family has.
 * Invariant: a v6 socket that dials a mapped address and a v4 socket that dials the plain one ask for the same 20 bytes.
 */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "abi.gen.h"

#define KM_MAPPED bpf_htonl(0x0000ffff)
#define KM_LOOPBACK4 bpf_htonl(0x7f000001)
#define KM_LOOPBACK6 bpf_htonl(1)
#define KM_LOOPBACK4_NET 0x7f
#define KM_V4_NET_SHIFT 24
/* AF_INET6, of a header that a BPF program cannot include */
#define KM_AF_INET6 10

union km_address {
  __u8 bytes[16];
  __u32 words[4];
  __u64 halves[2];
};

/* A listener key that can be read in words. `rest` covers port, protocol and the tail, which must be written before it may be copied. */
struct km_asked {
  union {
    struct km_listener_key key;
    struct {
      union km_address address;
      __u64 rest;
    };
  };
};

static __always_inline int km_is_v4(const union km_address *address)
{
  return address->halves[0] == 0 && address->words[2] == KM_MAPPED;
}

static __always_inline int km_is_unspecified(const union km_address *address)
{
  return address->halves[0] == 0 && address->words[3] == 0 && (address->words[2] == 0 || address->words[2] == KM_MAPPED);
}

static __always_inline int km_same_address(const union km_address *a, const __u8 *bytes)
{
  const union km_address *b = (const union km_address *)bytes;
  return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}

static __always_inline void km_copy_address(__u8 *to, const __u8 *from)
{
  union km_address *target = (union km_address *)to;
  const union km_address *source = (const union km_address *)from;
  target->halves[0] = source->halves[0];
  target->halves[1] = source->halves[1];
}

/* The port sits in the lower half of the context's word, in network order. */
static __always_inline __u16 km_port(const struct bpf_sock_addr *ctx)
{
  return bpf_ntohs((__u16)ctx->user_port);
}

/* What the context says, in our form. */
static __always_inline void km_read_address4(const struct bpf_sock_addr *ctx, union km_address *address)
{
  address->halves[0] = 0;
  address->words[2] = KM_MAPPED;
  address->words[3] = ctx->user_ip4;
}

static __always_inline void km_read_address6(const struct bpf_sock_addr *ctx, union km_address *address)
{
  address->words[0] = ctx->user_ip6[0];
  address->words[1] = ctx->user_ip6[1];
  address->words[2] = ctx->user_ip6[2];
  address->words[3] = ctx->user_ip6[3];
}

static __always_inline void km_read_bound6(const struct bpf_sock_addr *ctx, union km_address *address)
{
  struct bpf_sock *sk = ctx->sk;
  address->words[0] = sk->src_ip6[0];
  address->words[1] = sk->src_ip6[1];
  address->words[2] = sk->src_ip6[2];
  address->words[3] = sk->src_ip6[3];
}

/*
 * What the kernel itself sends to over a connected socket. The barrier keeps clang from choosing between two places in the socket, of which
 * the verifier allows no arithmetic.
 */
static __always_inline void km_read_peer(const struct bpf_sock *sk, union km_address *address)
{
  __u32 v4 = sk->dst_ip4;
  barrier_var(v4);
  if (sk->family == KM_AF_INET6) {
    address->words[0] = sk->dst_ip6[0];
    address->words[1] = sk->dst_ip6[1];
    address->words[2] = sk->dst_ip6[2];
    address->words[3] = sk->dst_ip6[3];
    return;
  }
  address->halves[0] = 0;
  address->words[2] = KM_MAPPED;
  address->words[3] = v4;
}

static __always_inline void km_finish_asked(const struct bpf_sock_addr *ctx, struct km_asked *asked)
{
  asked->rest = 0;
  asked->key.port = km_port(ctx);
  asked->key.protocol = ctx->protocol;
}

/* What the client asked for. A destination of 0.0.0.0 or :: means loopback, as the kernel itself takes it. */
static __always_inline void km_read_asked4(const struct bpf_sock_addr *ctx, struct km_asked *asked)
{
  km_read_address4(ctx, &asked->address);
  if (asked->address.words[3] == 0)
    asked->address.words[3] = KM_LOOPBACK4;
  km_finish_asked(ctx, asked);
}

static __always_inline void km_read_asked6(const struct bpf_sock_addr *ctx, struct km_asked *asked)
{
  km_read_address6(ctx, &asked->address);
  if (km_is_unspecified(&asked->address))
    asked->address.words[3] = asked->address.words[2] == KM_MAPPED ? KM_LOOPBACK4 : KM_LOOPBACK6;
  km_finish_asked(ctx, asked);
}

static __always_inline void km_write_address4(struct bpf_sock_addr *ctx, const __u8 *bytes, __u16 port)
{
  const union km_address *address = (const union km_address *)bytes;
  ctx->user_ip4 = address->words[3];
  ctx->user_port = bpf_htons(port);
}

static __always_inline void km_write_address6(struct bpf_sock_addr *ctx, const __u8 *bytes, __u16 port)
{
  const union km_address *address = (const union km_address *)bytes;
  ctx->user_ip6[0] = address->words[0];
  ctx->user_ip6[1] = address->words[1];
  ctx->user_ip6[2] = address->words[2];
  ctx->user_ip6[3] = address->words[3];
  ctx->user_port = bpf_htons(port);
}
