/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Affinity of unconnected UDP sockets: one endpoint per asked address, in the socket's own storage, so that no other socket can evict it.
 * In: an asked address or the source of a datagram. Out: the flow. Invariant: a flow with asked_port 0 is unused and holds no place.
 */
#pragma once
#include "address.h"
#include "place.h"

/* Time in units of 1,024 ns: two datagrams of one socket never share one. Wraps after 73 minutes; only differences count. */
#define KM_TICK_SHIFT 10
/* Envoy ends a UDP session after a minute of silence (udp_proxy.idle_timeout). */
#define KM_FLOW_IDLE_TICKS (60000000000ULL >> KM_TICK_SHIFT)

static __always_inline __u32 km_now(void)
{
  return bpf_ktime_get_ns() >> KM_TICK_SHIFT;
}

static __always_inline struct km_flows *km_flows_of(struct bpf_sock *sk)
{
  return bpf_sk_storage_get(&km_flows, sk, NULL, 0);
}

static __always_inline struct km_flows *km_make_flows(struct bpf_sock *sk)
{
  return bpf_sk_storage_get(&km_flows, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
}

/*
 * The i-th flow, i constant. The barrier keeps clang from computing the address again from a variable index, which the verifier takes only
 * from programs with CAP_PERFMON (seen up to 6.18: "tried to add from different maps, paths or scalars").
 */
static __always_inline struct km_flow *km_flow_at(struct km_flows *flows, int i)
{
  struct km_flow *flow = &flows->flows[i];
  barrier_var(flow);
  return flow;
}

static __always_inline void km_end_flow(struct km_flow *flow)
{
  km_release_flow(flow);
  flow->asked_port = 0;
}

/* Its endpoint left the cluster, its id has another owner, or it was silent for too long. */
static __always_inline int km_flow_is_over(const struct km_flow *flow, __u32 now)
{
  if (now - flow->used > KM_FLOW_IDLE_TICKS)
    return 1;
  struct km_state *endpoint = km_state_at(flow->endpoint);
  return !endpoint || endpoint->incarnation != flow->endpoint_incarnation || endpoint->cursor != 0;
}

/* The flow to an asked address; one that is over is ended here, and its datagram is decided anew. */
static __always_inline struct km_flow *km_flow_to(struct km_flows *flows, const struct km_asked *asked, __u32 now)
{
#pragma unroll
  for (int i = 0; i < KM_DATAGRAM_FLOWS; i++) {
    struct km_flow *flow = km_flow_at(flows, i);
    if (flow->asked_port != asked->key.port || !km_same_address(&asked->address, flow->asked))
      continue;
    if (!km_flow_is_over(flow, now))
      return flow;
    km_end_flow(flow);
    return NULL;
  }
  return NULL;
}

/* The flow whose endpoint sent a datagram; of several with one endpoint, the one that was used last. */
static __always_inline struct km_flow *km_flow_from(struct km_flows *flows, const union km_address *peer, __u16 port, __u32 now)
{
  struct km_flow *found = NULL;
#pragma unroll
  for (int i = 0; i < KM_DATAGRAM_FLOWS; i++) {
    struct km_flow *flow = km_flow_at(flows, i);
    if (!flow->asked_port || flow->peer_port != port || !km_same_address(peer, flow->peer))
      continue;
    if (!found || now - flow->used < now - found->used)
      found = flow;
  }
  return found;
}

/* A place for a new flow: an unused one, else the one that was silent for longest. */
static __always_inline struct km_flow *km_spare_flow(struct km_flows *flows, __u32 now)
{
  struct km_flow *oldest = km_flow_at(flows, 0);
#pragma unroll
  for (int i = 0; i < KM_DATAGRAM_FLOWS; i++) {
    struct km_flow *flow = km_flow_at(flows, i);
    if (!flow->asked_port)
      return flow;
    if (now - flow->used > now - oldest->used)
      oldest = flow;
  }
  km_end_flow(oldest);
  return oldest;
}
