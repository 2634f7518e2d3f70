/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which endpoints a hook can lead to (kernel 6.1 to 6.18). connect4 and sendmsg4 write IPv4 only. connect6 writes both, IPv4 as a mapped address,
 * unless the socket is bound to an address of one family; a V6ONLY socket cannot be told, its connect() fails in the kernel and is counted as
 * not attempted. sendmsg6 writes IPv6 only (udpv6_sendmsg refuses a mapped address that a program wrote).
 */
#pragma once
#include "choice.h"

/* Draws for a socket that cannot reach the endpoint drawn first, and endpoints behind the last one drawn that are looked at. */
#define KM_TRIES 4
#define KM_SCAN_MAX 64

static __always_inline __u32 km_family_connect4(const struct bpf_sock_addr *ctx)
{
  return KM_ONLY_V4;
}

static __always_inline __u32 km_family_connect6(const struct bpf_sock_addr *ctx)
{
  union km_address bound;
  km_read_bound6(ctx, &bound);
  if (bound.halves[0] == 0 && bound.halves[1] == 0)
    return KM_ANY_FAMILY;
  return km_is_v4(&bound) ? KM_ONLY_V4 : KM_ONLY_V6;
}

static __always_inline __u32 km_family_sendmsg4(const struct bpf_sock_addr *ctx)
{
  return KM_ONLY_V4;
}

static __always_inline __u32 km_family_sendmsg6(const struct bpf_sock_addr *ctx)
{
  return KM_ONLY_V6;
}

/* Draws again; the last time, it will look at the neighbours of what it draws. */
static __always_inline void km_try_another(struct km_choice *choice, int tried)
{
  choice->hash = km_next_random(choice->hash);
  choice->scan = tried == KM_TRIES - 2;
}

static __always_inline int km_reaches(const struct km_choice *choice, const struct km_endpoint *endpoint)
{
  if (choice->family == KM_ANY_FAMILY)
    return 1;
  return endpoint->flags & KM_ENDPOINT_V6 ? choice->family == KM_ONLY_V6 : choice->family == KM_ONLY_V4;
}

struct km_scan {
  struct km_rows rows;
  __u32 first;
  __u32 count;
  __u32 start;
  __u32 v6;
  __u32 found;
};

static long km_scan_step(__u32 step, struct km_scan *scan)
{
  __u32 at = scan->start + step;
  at = at < scan->count ? at : at - scan->count;
  const struct km_endpoint *endpoint = km_row(scan->rows, scan->first + at);
  if (endpoint && (endpoint->flags & KM_ENDPOINT_V6) != scan->v6)
    return KM_NEXT;
  scan->found = scan->first + at;
  return KM_STOP;
}

/* The position that was drawn, or, when draws alone met nobody in reach, the next one in its group that is. */
static __always_inline __u32 km_in_reach(const struct km_choice *choice, const struct km_group *group, __u32 position)
{
  if (!choice->scan || position >= KM_NONE)
    return position;
  struct km_scan scan = {
    .rows = choice->rows, .first = group->first, .count = group->count, .start = position - group->first,
    .v6 = choice->family == KM_ONLY_V6 ? KM_ENDPOINT_V6 : 0, .found = position,
  };
  bpf_loop(group->count < KM_SCAN_MAX ? group->count : KM_SCAN_MAX, km_scan_step, &scan, 0);
  return scan.found;
}
