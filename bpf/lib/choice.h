/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The choice of an endpoint, up to the list that a policy picks from.
 * In: the decision in the socket's storage. Out: a place under the circuit breaker, then tier and group.
 * Positions in rows are relative to the first row of the cell that this generation sees.
 */
#pragma once
#include "random.h"
#include "search.h"
#include "socket.h"

/* No positions, as no table is that long: nobody may be chosen; a row that must be there is missing. */
#define KM_NONE 0xfffffffe
#define KM_MISSING 0xffffffff
#define KM_PERCENT 100
/* Every tier has at least one percent. */
#define KM_TIERS_MAX 100
/* The place that a connection or a request takes in its cluster while its endpoint is chosen. `socket`: NULL for a request. */
struct km_place {
  struct km_socket *socket;
  struct km_choice *choice;
  const struct km_cluster *cluster;
  struct km_state *counts;
};

static __always_inline void *km_row_of(struct km_choice *choice, __u32 position)
{
  choice->keys.inner = choice->rows.first + position;
  void *table = bpf_map_lookup_elem(&km_endpoint, &choice->rows.epoch);
  return table ? bpf_map_lookup_elem(table, &choice->keys.inner) : NULL;
}

static __always_inline const struct km_endpoint *km_endpoint_at(struct km_choice *choice, __u32 position)
{
  return position >= KM_NONE ? NULL : km_row_of(choice, position);
}

/* The newest version that is not newer than the generation that decides. */
static __always_inline const struct km_cell *km_newest_cell(const struct km_cluster *cluster, __u64 generation)
{
  const struct km_cell *newest = NULL;
  __u64 best = 0;
  for (int i = 0; i < KM_CLUSTER_CELLS; i++) {
    const struct km_cell *cell = &cluster->cells[i];
    if (cell->generation > generation || cell->generation <= best)
      continue;
    best = cell->generation;
    newest = cell;
  }
  return newest;
}

/* Nobody can be chosen: the place goes back. */
static __always_inline int km_give_up(const struct km_place *place, __u32 reason)
{
  km_unreserve(place->counts);
  return km_refuse_at(place->socket->listener, place->cluster->state, reason);
}

/*
 * Takes a place in the cluster whose index is behind `head`, and opens the choice among its endpoints: as in Envoy, the limit comes before the search for
 * a host. KM_REASON_NONE, or why not; with NO_ENDPOINT the place is taken.
 */
static __always_inline __u32 km_take_place(struct km_choice *choice, const __u32 *epoch, const __u32 *head, __u64 generation, struct km_place *place)
{
  void *clusters = bpf_map_lookup_elem(&km_cluster, epoch);
  if (!clusters)
    return KM_REASON_INTERNAL;
  const struct km_cluster *cluster = bpf_map_lookup_elem(clusters, head);
  if (!cluster)
    return KM_REASON_INTERNAL;
  const struct km_cell *cell = km_newest_cell(cluster, generation);
  struct km_state *counts = km_state_by(&choice->keys, cluster->state);
  if (!cell || !counts)
    return KM_REASON_INTERNAL;
  place->choice = choice;
  place->cluster = cluster;
  place->counts = counts;
  if (!km_reserve(counts, cluster->max_connections))
    return KM_REASON_OVERFLOW;
  choice->rows.epoch = *epoch;
  choice->rows.first = cell->first;
  choice->tiers = cell->tiers;
  choice->flags = cluster->flags;
  choice->choice_count = cluster->choice_count;
  choice->bias = cluster->bias;
  choice->scan = 0;
  return cell->tiers ? KM_REASON_NONE : KM_REASON_NO_ENDPOINT;
}

/* For a hook. KM_UNDECIDED, or the verdict. */
static __always_inline int km_open_choice(struct bpf_sock_addr *ctx, struct km_place *place)
{
  struct km_socket *socket = km_socket_of(ctx);
  if (!socket)
    return km_refuse_internal();
  place->socket = socket;
  switch (km_take_place(km_choice_of(socket), &socket->epoch, &socket->head, socket->generation, place)) {
  case KM_REASON_NONE:
    return KM_UNDECIDED;
  case KM_REASON_NO_ENDPOINT:
    return km_give_up(place, KM_REASON_NO_ENDPOINT);
  case KM_REASON_OVERFLOW:
    return km_refuse_at(socket->listener, place->cluster->state, KM_REASON_OVERFLOW);
  default:
    return km_refuse_internal();
  }
}

static __always_inline __u32 km_reason_of(__u32 position)
{
  return position == KM_NONE ? KM_REASON_NO_ENDPOINT : KM_REASON_INTERNAL;
}

struct km_walk {
  struct km_rows rows;
  __u32 percent;
  __u32 at;
};

static long km_tier_step(__u32 step, struct km_walk *walk)
{
  const struct km_tier *tier = km_row(walk->rows, step);
  walk->at = step;
  return tier && walk->percent >= tier->upto ? KM_NEXT : KM_STOP;
}

/* The tier that receives this part of the load (Envoy: LoadBalancerBase::choosePriority). The last tier reaches 100 percent. */
static __always_inline const struct km_tier *km_tier(struct km_choice *choice)
{
  if (choice->tiers == 1)
    return km_row_of(choice, 0);
  struct km_walk walk = { .rows = choice->rows, .percent = choice->hash % KM_PERCENT };
  bpf_loop(KM_TIERS_MAX, km_tier_step, &walk, 0);
  return km_row_of(choice, walk.at);
}

/* The next point of a cursor that all CPUs share (compiler/balance/spread.ts): each weight exactly once in any `total` points in a row. */
static __always_inline __u32 km_next_point(struct km_choice *choice, __u32 cursor, __u32 total, __u32 stride)
{
  struct km_state *state = km_state_by(&choice->keys, cursor);
  if (!state || !total)
    return 0;
  __u64 value = __sync_fetch_and_add(&state->cursor, 1);
  return value % total * stride % total;
}

/* The list of a tier that has one. */
static __always_inline const struct km_group *km_only_group(struct km_choice *choice, const struct km_tier *tier)
{
  return km_row_of(choice, tier->group);
}

/* One of the weighted localities of a tier, in turn. */
static __always_inline const struct km_group *km_group_in_turn(struct km_choice *choice, const struct km_tier *tier)
{
  if (tier->groups <= 1)
    return km_only_group(choice, tier);
  __u32 point = km_next_point(choice, tier->cursor, tier->total, tier->stride);
  return km_row_of(choice, km_search_group(choice->rows, tier->group, tier->groups, point));
}

/* The number of a decision. Where hosts are not chosen by it, only a choice between tiers needs one. */
static __always_inline __u64 km_hash_for_tier(const struct km_choice *choice, __u32 given)
{
  return choice->tiers > 1 ? km_random() : 0;
}

static __always_inline __u64 km_hash_random(const struct km_choice *choice, __u32 given)
{
  return km_random();
}

/* What hash_policy says, else random. */
static __always_inline __u64 km_hash_given(const struct km_choice *choice, __u32 given)
{
  return given ? choice->hash : km_random();
}

/* Counts a connection or request at its cluster and endpoint. NULL: the endpoint has no state row. */
static __always_inline struct km_state *km_enter_endpoint(const struct km_place *place, const struct km_endpoint *endpoint)
{
  struct km_state *counts = km_state_by(&place->choice->keys, endpoint->state);
  if (!counts)
    return NULL;
  __sync_fetch_and_add(&counts->active, 1);
  km_count_connection(counts);
  km_count_connection(place->counts);
  return counts;
}
