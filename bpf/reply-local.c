// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Responses of servers on this node: what a server sends goes into its client's receive queue at once.
 *
 * A receive queue that is filled this way stops nobody. So of each response only so much takes this way (KM_INGRESS_BUDGET), the rest takes TCP to the upstream's
 * socket, where km_reply_remote meets it. From then on the client's responses come by TCP alone: what is put into the queue would overtake them.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lib/http/copy-message.h"
#include "lib/http/replace-head.h"
#define KM_CONTEXT struct sk_msg_md
#define KM_READ_BYTE km_message_byte
#include "lib/http/reply.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline __u32 km_message_byte(struct sk_msg_md *msg, __u32 at)
{
  if (km_window(msg, at, 1))
    return KM_LINE_RETURN;
  const __u8 *byte = (const __u8 *)(long)msg->data;
  const __u8 *end = (const __u8 *)(long)msg->data_end;
  return byte + 1 > end ? KM_LINE_RETURN : *byte;
}

/* By TCP. As for clients, once redirected means that a plain pass may go elsewhere (slow.h). */
static __always_inline int km_send_plainly(struct sk_msg_md *msg, const struct km_server_socket *server)
{
  if (!server->redirected)
    return SK_PASS;
  __u64 cookie = server->cookie;
  return bpf_msg_redirect_hash(msg, &km_servers, &cookie, 0) == SK_PASS ? SK_PASS : SK_DROP;
}

/* Each piece of a message leaves as a packet of its own (net/ipv4/tcp_bpf.c). The head goes in one piece: in several, user space would have to put it together. */
static __always_inline int km_plain_from_here(struct sk_msg_md *msg, const struct km_server_socket *server, struct km_upstream *upstream)
{
  if (upstream->phase == KM_RESPONSE_HEAD)
    km_window(msg, 0, msg->size < KM_HEAD_MAX ? msg->size : KM_HEAD_MAX);
  __sync_fetch_and_or(&upstream->flags, KM_UPSTREAM_PLAIN);
  return km_send_plainly(msg, server);
}

/* There are bytes behind the response: whoever would claim the upstream next must not meet them. */
static __always_inline void km_complete_and_spend(struct km_upstream *upstream, struct km_client *client)
{
  int first = !(__sync_fetch_and_or(&upstream->flags, KM_UPSTREAM_SPENT) & KM_UPSTREAM_SPENT);
  km_complete(upstream, client);
  if (first)
    km_tell_upstream(KM_EVENT_SPENT, upstream->cookie, 0, upstream->pool);
}

static __always_inline int km_scan_context(struct sk_msg_md *msg, struct km_request *request)
{
  return km_scan_message(msg, request);
}

static __always_inline int km_prepare_edits(struct km_request *request, const struct km_upstream *upstream)
{
  return km_begin_edits(request, upstream);
}

static __always_inline __u32 km_make_edits(struct sk_msg_md *msg, struct km_request *request)
{
  if (!km_edit_head(request))
    return 0;
  int replaced = km_replace_head(msg, request, request->head_length);
  if (replaced)
    return replaced < 0 ? KM_HEAD_SPOILT : 0;
  return request->out_length;
}

#define KM_LAST_LINE_BYTES 19
#define KM_LAST_LINE_WINDOW 24

/*
 * `connection: close` before the empty line of the head, which has this length; all headers are before that, as Envoy's codec writes it. The new length, or KM_HEAD_SPOILT; 0: nothing
 * was changed.
 */
static __always_inline __u32 km_tell_last(struct sk_msg_md *msg, __u32 head)
{
  __u32 at = head - KM_LINE_END_BYTES;
  if (bpf_msg_push_data(msg, at, KM_LAST_LINE_BYTES, 0))
    return 0;
  if (km_window(msg, at, KM_LAST_LINE_BYTES))
    return KM_HEAD_SPOILT;
  __u8 *to = (__u8 *)(long)msg->data;
  __u8 *end = (__u8 *)(long)msg->data_end;
  if (to + KM_LAST_LINE_BYTES > end)
    return KM_HEAD_SPOILT;
  *(__u64 *)to = KM_WORD8('c', 'o', 'n', 'n', 'e', 'c', 't', 'i');
  *(__u64 *)(to + 8) = KM_WORD8('o', 'n', ':', ' ', 'c', 'l', 'o', 's');
  *(to + 16) = 'e';
  *(__u16 *)(to + 17) = KM_LINE_END;
  return head + KM_LAST_LINE_BYTES;
}

/* The last answer of a client, which will take TCP: only here can its head say so. KM_HEAD_SPOILT, or anything else. */
static __always_inline __u32 km_tell_before(struct sk_msg_md *msg, struct km_upstream *upstream, __u64 cookie)
{
  if (upstream->phase != KM_RESPONSE_HEAD || upstream->edit || !km_is_to_be_told(upstream))
    return 0;
  __u32 head = km_read_response_head(msg, cookie);
  /* TCP leads to km_reply_remote, which reads it as well. */
  int told = head && km_is_to_be_told(upstream);
  upstream->phase = KM_RESPONSE_HEAD;
  upstream->remaining = 0;
  __sync_fetch_and_and(&upstream->flags, ~KM_UPSTREAM_CLOSES);
  if (!told)
    return 0;
  head = km_tell_last(msg, head);
  if (!head || head == KM_HEAD_SPOILT)
    return head;
  __sync_fetch_and_or(&upstream->flags, KM_UPSTREAM_TOLD);
  return head;
}

SEC("sk_msg")
int km_reply_local(struct sk_msg_md *msg)
{
  struct bpf_sock *sk = msg->sk;
  struct km_server_socket *server = sk ? bpf_sk_storage_get(&km_server_sockets, sk, NULL, 0) : NULL;
  if (!server)
    return SK_PASS;
  struct km_upstream *upstream = km_upstream_of(server->upstream);
  if (!upstream || upstream->flags & (KM_UPSTREAM_OURS_NOT | KM_UPSTREAM_PLAIN))
    return km_send_plainly(msg, server);
  struct km_client *client = km_owner_of(upstream);
  if (!client) {
    /* Nobody asked, or nobody waits any more: whoever claims it next must not take this for an answer. */
    km_spend(upstream, upstream->owner);
    return km_send_plainly(msg, server);
  }
  /* Also where a worker may have something for the client's queue: by TCP this comes to that worker, too. */
  if (km_is_carried(client) || km_goes_by_tcp(client)) {
    if (km_tell_before(msg, upstream, server->upstream) != KM_HEAD_SPOILT)
      return km_plain_from_here(msg, server, upstream);
    km_spend(upstream, upstream->owner);
    return SK_DROP;
  }
  if (upstream->sent >= KM_INGRESS_BUDGET && client->acceptor) {
    __sync_fetch_and_or(&client->flags, KM_CLIENT_ORDERED);
    return km_plain_from_here(msg, server, upstream);
  }
  __u64 owner = upstream->owner;
  __u32 size = msg->size;
  __u32 head = 0;
  if (upstream->phase == KM_RESPONSE_HEAD) {
    head = km_read_response_head(msg, server->upstream);
    if (head && head != KM_HEAD_SPOILT && km_is_to_be_told(upstream))
      head = km_tell_last(msg, head);
    if (!head) {
      km_relay(upstream);
      return km_send_plainly(msg, server);
    }
    if (head == KM_HEAD_SPOILT) {
      km_spend(upstream, owner);
      return SK_DROP;
    }
    size = msg->size;
  }
  if (!km_start(upstream))
    return km_send_plainly(msg, server);
  __u64 frame = km_frame_body(msg, upstream, head, size);
  __u32 bytes = frame;
  km_expect_directly(client);
  if (bpf_msg_redirect_hash(msg, &km_clients, &owner, BPF_F_INGRESS) != SK_PASS) {
    km_spend(upstream, owner);
    return km_send_plainly(msg, server);
  }
  server->redirected = 1;
  if (bytes < size)
    bpf_msg_apply_bytes(msg, bytes);
  upstream->sent += bytes;
  if (frame & KM_FRAME_BROKEN)
    km_spend(upstream, owner);
  else if (frame & KM_FRAME_COMPLETE && bytes < size)
    km_complete_and_spend(upstream, client);
  else if (frame & KM_FRAME_COMPLETE)
    km_complete(upstream, client);
  return SK_PASS;
}
