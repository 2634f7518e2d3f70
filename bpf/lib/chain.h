/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Filter chains. In: a listener and what was asked. Out: the row of the chain that applies, and the cluster of a weighted one. Both are pointers
 * into the tables, because that is what the next lookup takes; NULL where something is missing.
 */
#pragma once
#include "listener.h"
#include "loop.h"
#include "random.h"

#define KM_MATCH_FIXED_BITS 64
#define KM_ADDRESS_BITS 128

static __always_inline const struct km_chain *km_chain_at(const __u32 *epoch, const __u32 *row)
{
  void *chains = bpf_map_lookup_elem(&km_chain, epoch);
  return chains ? bpf_map_lookup_elem(chains, row) : NULL;
}

/*
 * The chains of the dialled port by the longest prefix, else those of any port, else the fallback. A port that has chains of its own never
 * falls to those of any port: the compiler closes it with a prefix of length 0 (Envoy: FilterChainMatch.destination_port).
 */
static __always_inline const __u32 *km_match_chain(const __u32 *epoch, const struct km_asked *asked, const struct km_listener_value *listener)
{
  void *matches = bpf_map_lookup_elem(&km_match, epoch);
  if (!matches)
    return NULL;
  struct km_match_key key = {
    .length = KM_MATCH_FIXED_BITS + KM_ADDRESS_BITS,
    .set = bpf_htonl(listener->target),
    .port = bpf_htons(asked->key.port),
  };
  __builtin_memcpy(key.address, asked->address.words, sizeof(key.address));
  const __u32 *row = bpf_map_lookup_elem(matches, &key);
  if (row)
    return row;
  key.port = KM_ANY_PORT;
  row = bpf_map_lookup_elem(matches, &key);
  return row ? row : &listener->fallback;
}

struct km_share {
  __u64 point;
  __u32 epoch;
  __u32 at;
  __u32 left;
};

/* Rows of a weighted chain are in the table of chains. */
static __always_inline const struct km_weighted *km_weighted_at(__u32 epoch, __u32 row)
{
  return (const struct km_weighted *)km_chain_at(&epoch, &row);
}

static long km_share_step(__u32 step, struct km_share *share)
{
  __u32 half = share->left / 2;
  const struct km_weighted *row = km_weighted_at(share->epoch, share->at + half - 1);
  if (!half || !row)
    return KM_STOP;
  if (row->upto <= share->point)
    share->at += half;
  share->left -= half;
  return KM_NEXT;
}

/* Exact choice over the true total: the first row whose cumulative weight exceeds a random number below it. */
static __always_inline const __u32 *km_weighted_cluster(const __u32 *epoch, const struct km_chain *chain)
{
  if (!chain->total)
    return NULL;
  struct km_share share = { .point = km_random() % chain->total, .epoch = *epoch, .at = chain->target, .left = chain->count };
  bpf_loop(KM_SEARCH_STEPS, km_share_step, &share, 0);
  const struct km_weighted *row = km_weighted_at(share.epoch, share.at);
  return row ? &row->cluster : NULL;
}
