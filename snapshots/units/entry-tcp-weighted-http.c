// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Entry of a generation with TCP listeners
 *
 * In: a connection that a dispatcher handed over, with the slot of its generation. Out: the policy of the cluster that its listener names,
 * by tail call, or the verdict. Invariant: no listener means left alone; anything that must be there and is not refuses.
 */
#include "lib/chain.h"
#include "lib/decision.h"
#include "lib/http/client.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Of our own: KM_UNDECIDED, but the connection goes to an acceptor. */
#define KM_TO_ACCEPTOR 3

/* KM_UNDECIDED with the policy's program, or the verdict. */
static __always_inline int decide(struct bpf_sock_addr *ctx, const struct km_asked *asked, __u32 *program, union km_address *source, const struct km_acceptor **acceptor)
{
  const struct km_record *record = km_record_at(km_take_carried_slot());
  if (!record)
    return km_refuse_internal();
  const __u32 *epoch = &record->epoch;
  void *listeners = bpf_map_lookup_elem(&km_listener, epoch);
  if (!listeners)
    return km_refuse_internal();
  const struct km_listener_value *listener = km_listener_for(listeners, asked);
  if (!listener)
    return KM_ALLOW;
  __u32 owner = listener->state;
  km_count_connection_of(owner);

  const __u32 *row = &listener->target;
  const struct km_chain *chain = km_chain_at(epoch, row);
  if (!chain)
    return km_refuse_internal();
  const __u32 *cluster = &chain->target;
  switch (chain->kind) {
  case KM_CHAIN_CLUSTER:
    break;
  case KM_CHAIN_WEIGHTED:
    cluster = km_weighted_cluster(epoch, chain);
    break;
  case KM_CHAIN_PASS:
    return KM_ALLOW;
  case KM_CHAIN_REFUSE:
    return km_refuse(owner, chain->reason);
  case KM_CHAIN_HTTP:
    if (asked->key.protocol != KM_TCP)
      return km_refuse_internal();
    return km_enter_http(ctx, record, owner, chain, asked, source, acceptor) == KM_ALLOW ? KM_TO_ACCEPTOR : KM_DENY;
  case KM_CHAIN_DIVERT:
    return km_divert(record, owner, chain->reason);
  default:
    return km_refuse_internal();
  }
  return km_enter_cluster(ctx, record, owner, chain, cluster, program);
}

SEC("cgroup/connect4")
int km_entry_connect4(struct bpf_sock_addr *ctx)
{
  struct km_asked asked;
  km_read_asked4(ctx, &asked);
  __u32 program;
  union km_address source;
  km_source_connect4(ctx, &source);
  const struct km_acceptor *acceptor;
  int verdict = decide(ctx, &asked, &program, &source, &acceptor);
  if (verdict == KM_TO_ACCEPTOR) {
    km_write_address4(ctx, acceptor->address, acceptor->port);
    return KM_ALLOW;
  }
  if (verdict != KM_UNDECIDED)
    return verdict;
  bpf_tail_call(ctx, &km_program_connect4, program);
  return km_refuse_internal();
}

SEC("cgroup/connect6")
int km_entry_connect6(struct bpf_sock_addr *ctx)
{
  struct km_asked asked;
  km_read_asked6(ctx, &asked);
  __u32 program;
  union km_address source;
  km_source_connect6(ctx, &source);
  const struct km_acceptor *acceptor;
  int verdict = decide(ctx, &asked, &program, &source, &acceptor);
  if (verdict == KM_TO_ACCEPTOR) {
    km_write_address6(ctx, acceptor->address, acceptor->port);
    return KM_ALLOW;
  }
  if (verdict != KM_UNDECIDED)
    return verdict;
  bpf_tail_call(ctx, &km_program_connect6, program);
  return km_refuse_internal();
}
