/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What becomes of a request: three programs, since each is verified on its own and may have so many instructions. In: a message of a client. Out: the
 * verdict, or a tail call: parsed, routed, to the policy of its cluster.
 */
#pragma once
#include "sending.h"

/* KM_HTTP_* as a verdict, or a tail call. */
static __always_inline int km_conclude(struct sk_msg_md *msg, const struct km_sending *sending, int conclusion)
{
  struct km_request *request = sending->request;
  if (conclusion == KM_HTTP_REPLY)
    return km_reply_here(msg, sending);
  if (conclusion != KM_HTTP_FORWARD)
    return km_finish_slow(msg, sending, request->reason);
  void *clusters = bpf_map_lookup_elem(&km_cluster, &request->epoch);
  const struct km_cluster *cluster = clusters ? bpf_map_lookup_elem(clusters, &request->cluster) : NULL;
  if (!cluster)
    return km_finish_slow(msg, sending, KM_SLOW_TABLE);
  if (cluster->flags & (KM_CLUSTER_PASS | KM_CLUSTER_REFUSE))
    return km_finish_slow(msg, sending, KM_SLOW_ENDPOINT);
  return km_next(msg, sending, KM_PROGRAM_HTTP_POLICY + cluster->policy);
}
