/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fences: the proof that answers which a worker of the kernel carries into a client's receive queue are there. In: a packet or a message. Out: a fence sent on its way.
 *
 * A worker takes what is redirected to a socket one by one (kernel: sk_psock_backlog): into its receive queue, or out of it as if the client had sent it. The latter runs
 * km_request in the worker, behind everything that was redirected before. So a fence is redirected out of the client, and from there back to the holder; nobody else sees it.
 * However long the worker waits, for a CPU or for room in the queue of a client that does not read, so long does the fence.
 * Invariant: only who knows the secret of a client can make a fence of it; what is no fence is never treated as one, nor the other way round.
 */
#pragma once
#include "client-row.h"
#include "window.h"

/* <linux/socket.h> of user space does not have it. */
#define KM_AF_UNIX 1

/* A packet of no upstream: whether the holder sent it, to itself. The other sockets of that table are TCP's. */
static __always_inline int km_is_fence_packet(struct __sk_buff *skb, __u64 cookie)
{
  return cookie && skb->family == KM_AF_UNIX && skb->len == sizeof(struct km_fence);
}

/* On its way out of its client, behind what the worker has for it. */
static __always_inline int km_send_fence(struct __sk_buff *skb)
{
  struct km_fence fence;
  if (bpf_skb_load_bytes(skb, 0, &fence, sizeof(fence)))
    return SK_DROP;
  __u64 client = fence.client;
  return bpf_sk_redirect_hash(skb, &km_clients, &client, 0);
}

/* 1: the message is a fence of this client, and everything before it has arrived. */
static __always_inline int km_meet_fence(struct sk_msg_md *msg, struct km_client *client)
{
  if (msg->size != sizeof(struct km_fence) || km_window(msg, 0, sizeof(struct km_fence)))
    return 0;
  const struct km_fence *fence = (const struct km_fence *)(long)msg->data;
  const void *end = (const void *)(long)msg->data_end;
  if ((const void *)(fence + 1) > end || fence->magic != KM_FENCE_MAGIC || fence->client != client->cookie || fence->secret != client->fence)
    return 0;
  client->arrived = fence->carried;
  return 1;
}

/* To the holder. It is not the client's, so that nothing else may become of it: an error would end the client's connection. */
static __always_inline int km_return_fence(struct sk_msg_md *msg)
{
  __u64 key = KM_FENCE_KEY;
  return bpf_msg_redirect_hash(msg, &km_upstreams, &key, BPF_F_INGRESS);
}
