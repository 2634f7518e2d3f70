// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The constant programs of requests: the dispatcher of messages, and the callbacks of the sockets at the far side.
 *
 * km_request reads the generation once for each request and hands over to its request program; a connection that user space has is passed on, byte
 * by byte counted. A socket keeps the program that km_clients had when it came in, so this one decides nothing itself.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lib/chain.h"
#include "lib/record.h"
#include "lib/http/fence.h"
#include "lib/http/pair.h"
#include "lib/http/sending.h"
#include "lib/http/service.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("sk_msg")
int km_request(struct sk_msg_md *msg)
{
  struct bpf_sock *sk = msg->sk;
  struct km_http_socket *socket = sk ? bpf_sk_storage_get(&km_http_sockets, sk, NULL, 0) : NULL;
  if (!socket)
    return SK_PASS;
  struct km_client *client = km_client_of(socket);
  if (!client)
    return SK_DROP;
  /* What was said of the bytes before these, in the same send(), is still there, and would let as many pass unseen. */
  bpf_msg_apply_bytes(msg, 0);
  /* So is what was said of a message that was corked once: one that is shorter would be kept for ever. */
  if (socket->corked)
    bpf_msg_cork_bytes(msg, 0);
  if (client->fence && km_meet_fence(msg, client))
    return km_return_fence(msg);
  if (client->passed & KM_CLIENT_SLOW && km_count_passed(client, msg->size, 0))
    return km_pass(msg, client);
  if (client->upstream || client->flags & (KM_CLIENT_CLOSING | KM_CLIENT_BEHIND) || !km_is_over(client->due, 0)) {
    km_note_pipelining(client);
    __sync_fetch_and_and(&client->flags, ~KM_CLIENT_BEHIND);
    return km_fall(msg, client, KM_NOBODY, KM_SLOW_PIPELINED);
  }
  const struct km_record *record = km_record_at(km_current_slot());
  if (!record || !km_find_service(client, record))
    return km_fall(msg, client, KM_NOBODY, KM_SLOW_NO_SERVICE);
  struct km_request *request = km_take_scratch();
  if (!request)
    return km_fall(msg, client, KM_NOBODY, KM_SLOW_SCRATCH);
  request->epoch = record->epoch;
  request->generation = record->generation;
  request->service = client->service;
  request->random = km_random();
  request->drawn = KM_DRAWN_NUMBER;
  km_copy_address(request->source, client->source);
  km_copy_address(request->asked, client->asked);
  request->source_port = client->local_port;
  request->asked_port = client->asked_port;
  request->state = 0;
  socket->scratch = request->slot + 1;
  socket->program = record->program_base;
  bpf_tail_call(msg, &km_program_request, record->program_base + KM_PROGRAM_HTTP_REQUEST);
  struct km_sending sending = { .socket = socket, .client = client, .request = request };
  return km_finish_slow(msg, &sending, KM_SLOW_TABLE);
}

/* Servers on this node, in observed cgroups. */
SEC("sockops")
int km_observe(struct bpf_sock_ops *ops)
{
  if (ops->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
    km_meet_upstream(ops);
  return 1;
}

/* The holder's own sockets. */
SEC("sockops")
int km_announce(struct bpf_sock_ops *ops)
{
  if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
    km_announce_upstream(ops);
  return 1;
}

/*
 * Workloads whose requests are user space's, all of them: nothing is ever redirected past TCP, which splice() and MSG_WAITALL would not see (established.h). In the governed cgroup itself and above it this
 * comes after that.
 */
SEC("sockops")
int km_opt_out(struct bpf_sock_ops *ops)
{
  struct bpf_sock *sk = ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB ? ops->sk : NULL;
  struct km_http_socket *socket = sk ? bpf_sk_storage_get(&km_http_sockets, sk, NULL, 0) : NULL;
  struct km_client *client = socket ? km_client_of(socket) : NULL;
  if (!client)
    return 1;
  client->reason = KM_SLOW_MANUAL;
  __sync_fetch_and_or(&client->flags, KM_CLIENT_MANUAL);
  __sync_fetch_and_or(&client->passed, KM_CLIENT_SLOW);
  if (client->flags & KM_CLIENT_ESTABLISHED) {
    __u64 cookie = socket->cookie;
    bpf_map_delete_elem(&km_clients, &cookie);
  }
  km_note_fall(client, KM_NOBODY, KM_SLOW_MANUAL);
  return 1;
}

/* 1: the client is the kernel's again. Its replies come by TCP from now on, as those of user space may not be read yet. */
SEC("syscall")
int km_client_return(struct km_return *given)
{
  struct km_client *client = km_client_at(given->row);
  if (!client || client->cookie != given->cookie || client->flags & (KM_CLIENT_EARLY | KM_CLIENT_MANUAL))
    return 0;
  __u64 slow = KM_CLIENT_SLOW | given->passed;
  if (client->passed != slow)
    return 0;
  __sync_fetch_and_or(&client->flags, KM_CLIENT_ORDERED);
  return __sync_val_compare_and_swap(&client->passed, slow, given->passed) == slow;
}
