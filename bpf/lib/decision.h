/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the entry program to the policy. In: the cluster of a connection. Out: the slot of the program that chooses an endpoint, with the
 * decision in the socket's storage, or the verdict.
 * Invariant: storage is made here and nowhere before, so that a socket which is not steered pays for none.
 */
#pragma once
#include "maps.h"
#include "record.h"
#include "socket.h"

#define KM_DECISION_FLAGS (KM_SOCKET_HASH | KM_SOCKET_HASH_SOURCE)

/* Diverted: refused, or left alone where the user asked for that. */
static __always_inline int km_divert(const struct km_record *record, __u32 listener, __u32 reason)
{
  if (record->flags & KM_RECORD_DIVERTED_PASS)
    return KM_ALLOW;
  return km_refuse(listener, reason);
}

static __always_inline __u8 km_hash_flags(const struct km_chain *chain)
{
  if (chain->flags & KM_CHAIN_HASH_CONSTANT)
    return KM_SOCKET_HASH;
  return chain->flags & KM_CHAIN_HASH_SOURCE_IP ? KM_SOCKET_HASH_SOURCE : 0;
}

/* KM_UNDECIDED with `program` set, or the verdict. */
static __always_inline int km_enter_cluster(struct bpf_sock_addr *ctx, const struct km_record *record, __u32 listener, const struct km_chain *chain,
                                            const __u32 *index, __u32 *program)
{
  void *clusters = bpf_map_lookup_elem(&km_cluster, &record->epoch);
  if (!clusters || !index)
    return km_refuse_internal();
  const struct km_cluster *cluster = bpf_map_lookup_elem(clusters, index);
  if (!cluster)
    return km_refuse_internal();
  if (cluster->flags & KM_CLUSTER_PASS)
    return KM_ALLOW;
  if (cluster->flags & KM_CLUSTER_REFUSE)
    return km_refuse_at(listener, cluster->state, cluster->reason);
  struct km_socket *socket = km_make_socket(ctx);
  if (!socket)
    return km_refuse_internal();
  socket->flags = (socket->flags & ~KM_DECISION_FLAGS) | km_hash_flags(chain);
  km_choice_of(socket)->hash = chain->hash;
  socket->generation = record->generation;
  socket->epoch = record->epoch;
  socket->head = *index;
  socket->listener = listener;
  *program = record->program_base + KM_PROGRAM_POLICY + cluster->policy;
  return KM_UNDECIDED;
}
