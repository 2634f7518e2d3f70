// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Responses that come by TCP: from servers elsewhere, and what km_reply_local leaves to TCP.
 *
 * A response that is whole in its first packet goes into its client's receive queue. Any other goes out of the acceptor, as TCP, and so do all later ones of that
 * client, in their order. What cannot be framed here, and what is longer than KM_EGRESS_BUDGET, stays with the upstream's socket for user space.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lib/http/scan.h"
#define KM_CONTEXT struct __sk_buff
#define KM_READ_BYTE km_packet_byte
#include "lib/http/reply.h"
#include "lib/http/fence.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline __u32 km_packet_byte(struct __sk_buff *skb, __u32 at)
{
  __u8 byte;
  return bpf_skb_load_bytes(skb, at, &byte, 1) ? KM_LINE_RETURN : byte;
}

/* Copies the beginning of the packet, and walks along it. KM_SCAN_*. */
static __always_inline int km_scan_context(struct __sk_buff *skb, struct km_request *request)
{
  __u32 most = skb->len;
  if (most > KM_HEAD_MAX)
    most = KM_HEAD_MAX;
  /* From 1 to KM_HEAD_MAX in a form that Linux 6.1 follows as well; a packet has at least one byte. */
  __u32 last = most - 1;
  barrier_var(last);
  most = (last & (KM_HEAD_MAX - 1)) + 1;
  if (bpf_skb_load_bytes(skb, 0, request->head, most))
    return km_scan_slow(request, KM_SLOW_HEAD_SIZE);
  km_pad_head(request, most);
  return km_scan_on(request, most);
}

/* A packet that changes its length would spoil the socket's count of what was read of it (kernel: tcp_eat_skb): the holder writes the new head. */
static __always_inline int km_prepare_edits(struct km_request *request, const struct km_upstream *upstream)
{
  return 1;
}

static __always_inline __u32 km_make_edits(struct __sk_buff *skb, struct km_request *request)
{
  return request->head_length;
}

SEC("sk_skb/stream_verdict")
int km_reply_remote(struct __sk_buff *skb)
{
  __u64 cookie = bpf_get_socket_cookie(skb);
  struct km_upstream *upstream = km_upstream_of(cookie);
  if (!upstream)
    return km_is_fence_packet(skb, cookie) ? km_send_fence(skb) : SK_PASS;
  if (upstream->flags & KM_UPSTREAM_OURS_NOT)
    return SK_PASS;
  struct km_client *client = km_owner_of(upstream);
  if (!client) {
    /* Nobody asked, or nobody waits any more. */
    km_spend(upstream, upstream->owner);
    return SK_PASS;
  }
  __u64 owner = upstream->owner;
  __u32 size = skb->len;
  /* The end of the connection, which is the holder's. Redirected, a packet without bytes breaks the socket it goes to (EPIPE). */
  if (size == 0)
    return SK_PASS;
  int first = upstream->phase == KM_RESPONSE_HEAD;
  if (!first && upstream->sent >= KM_EGRESS_BUDGET) {
    km_relay_rest(upstream);
    return SK_PASS;
  }
  __u32 head = first ? km_read_response_head(skb, upstream->cookie) : 0;
  if (first && !head) {
    km_relay(upstream);
    return SK_PASS;
  }
  if (first && (upstream->edit || km_is_to_be_told(upstream))) {
    __sync_fetch_and_or(&upstream->flags, KM_UPSTREAM_EDITED);
    km_relay_rest(upstream);
    return SK_PASS;
  }
  __u32 phase = upstream->phase;
  __u64 remaining = upstream->remaining;
  __u64 frame = km_frame_body(skb, upstream, head, size);
  int complete = (frame & KM_FRAME_COMPLETE) != 0;
  int queued = first && complete && !km_goes_by_tcp(client);
  /* It needs TCP, and something else may still be on its way into the queue: the holder waits for that. It begins with the head again. */
  if (first && !queued && km_is_carried(client) && !(frame & KM_FRAME_BROKEN)) {
    upstream->phase = phase;
    upstream->remaining = remaining;
    upstream->line = 0;
    __sync_fetch_and_or(&upstream->flags, KM_UPSTREAM_EDITED);
    km_relay_rest(upstream);
    return SK_PASS;
  }
  int stuck = frame & KM_FRAME_BROKEN || (__u32)frame < size || (!queued && !client->acceptor);
  if (stuck && first) {
    km_relay(upstream);
    return SK_PASS;
  }
  if (stuck) {
    km_spend(upstream, owner);
    return SK_PASS;
  }
  if (!km_start(upstream))
    return SK_PASS;
  int verdict;
  if (queued) {
    km_expect_by_worker(client);
    verdict = bpf_sk_redirect_hash(skb, &km_clients, &owner, BPF_F_INGRESS);
  } else {
    __sync_fetch_and_or(&client->flags, KM_CLIENT_ORDERED);
    __sync_fetch_and_add(&client->egress, size);
    verdict = bpf_sk_redirect_hash(skb, &km_acceptors, &owner, 0);
  }
  if (verdict != SK_PASS) {
    km_spend(upstream, owner);
    return SK_PASS;
  }
  upstream->sent += size;
  if (complete)
    km_complete(upstream, client);
  return SK_PASS;
}
