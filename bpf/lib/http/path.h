/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The candidates of a path within a virtual host. In: the path and the virtual host. Out: row of the first km_candidates, or KM_LIST_ROUTE and the row of
 * the route that takes each of its requests; KM_NOT_FOUND, or KM_UNSURE.
 *
 * An exact path is asked first. Then the longest prefix is found by binary search over the lengths that prefixes have: a prefix that is found says to look
 * for a longer one, a miss for a shorter one. So that a longer one is found, every prefix has markers at the lengths the search passes on its
 * way; a marker leads to the candidates of the longest prefix that begins it (Waldvogel et al., Scalable high speed IP routing lookups, 1997).
 * The text of the longest hit is compared, which proves the shorter ones too: they begin it.
 */
#pragma once
#include "name.h"

/* Bytes of a path that its connection manager would change, or may. */
#define KM_ABOVE_Z 0x7a

static __always_inline __u64 km_bytes_above_z(__u64 word)
{
  return ((word & KM_LOWS) + KM_ONES * (KM_LOWS % 0x100 - KM_ABOVE_Z)) | word;
}

static long km_odd_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  struct km_work *work = &request->work;
  __u32 flags = work->scan_state;
  __u64 word = km_keep(km_word(request, work->scan), work->scan_end - work->scan);
  __u64 slashes = km_bytes_equal(word, '/');
  __u64 behind = slashes << KM_BYTE_BITS | work->scan_word;
  __u64 odd = 0;
  if (flags & KM_SERVICE_MERGE_SLASHES)
    odd |= slashes & behind;
  if (flags & KM_SERVICE_IGNORE_PARAMETERS)
    odd |= km_bytes_equal(word, ';');
  if (flags & KM_SERVICE_NORMALIZE) {
    odd |= behind & km_bytes_equal(word, '.');
    odd |= km_bytes_equal(word, '%') | km_bytes_equal(word, '`') | km_bytes_equal(word, '"');
    /* Two that differ in one bit: < and >, \ and ^ */
    odd |= km_bytes_equal(word | KM_ONES * ('<' ^ '>'), '>') | km_bytes_equal(word | KM_ONES * ('\\' ^ '^'), '^');
    odd |= km_bytes_above_z(word) & KM_HIGHS;
  }
  work->scan_word = slashes >> (KM_WORD_BYTES - 1) * KM_BYTE_BITS;
  work->marks |= odd;
  work->scan += KM_WORD_BYTES;
  return KM_NEXT;
}

/*
 * 1: the connection manager may change the path, or what of it is compared. What normalization leaves alone for certain: visible characters that need no
 * escape, none escaped, no segment that begins with a dot.
 */
__noinline int km_path_is_odd(struct km_request *given, __u32 flags)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return 1;
  struct km_work *work = &request->work;
  work->scan = request->path;
  work->scan_end = request->path + request->path_length;
  work->scan_state = flags;
  work->scan_word = 0;
  work->marks = 0;
  __u32 slot = request->slot;
  bpf_loop((request->path_length + KM_WORD_BYTES - 1) >> KM_WORD_SHIFT, km_odd_step, &slot, 0);
  return work->marks != 0;
}

/* Words of a path that are hashed without a loop. */
#define KM_HASH_FIRST 4

static long km_state_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  step += KM_HASH_FIRST;
  if (!request || step >= KM_HASH_WORDS)
    return KM_STOP;
  struct km_work *work = &request->work;
  __u64 state = km_mix(work->hash, km_folded(km_word(request, request->path + step * KM_WORD_BYTES), work->hash_fold));
  barrier_var(step);
  work->words[(step & (KM_HASH_WORDS - 1)) + 1] = state;
  work->hash = state;
  return KM_NEXT;
}

/* States of the hash of the path before each of its words; work.hash_fold: in lower case. */
static __always_inline void km_hash_path(struct km_request *request)
{
  struct km_work *work = &request->work;
  __u32 words = request->path_length >> KM_WORD_SHIFT;
  work->hash = KM_HASH_SEED;
  work->words[0] = KM_HASH_SEED;
#pragma unroll
  for (int i = 0; i < KM_HASH_FIRST; i++) {
    if (i >= words)
      return;
    work->hash = km_mix(work->hash, km_folded(km_word(request, request->path + i * KM_WORD_BYTES), work->hash_fold));
    work->words[i + 1] = work->hash;
  }
  if (words == KM_HASH_FIRST)
    return;
  __u32 slot = request->slot;
  bpf_loop((words > KM_HASH_WORDS ? KM_HASH_WORDS : words) - KM_HASH_FIRST, km_state_step, &slot, 0);
}

/*
 * What km_name has of the first bytes of the path, less than KM_HASH_WORDS words, in the virtual host of work.scan_state. A function, as a call saves registers
 * without a barrier.
 */
static __noinline const struct km_name *km_path_name(struct km_request *request, __u32 kind, __u32 length)
{
  struct km_work *work = &request->work;
  struct km_name_key *key = &work->name;
  key->scope = work->scan_state;
  key->kind = kind;
  key->length = length;
  __u32 whole = length >> KM_WORD_SHIFT & (KM_HASH_WORDS - 1);
  barrier_var(whole);
  __u64 word = km_folded(km_word(request, request->path + whole * KM_WORD_BYTES), work->hash_fold);
  word = km_keep(word, key->length & (KM_WORD_BYTES - 1));
  key->hash = km_mix(work->words[whole], word);
  void *table = bpf_map_lookup_elem(&km_name, &request->epoch);
  return table ? bpf_map_lookup_elem(table, key) : NULL;
}

/* Halvings without a loop. */
#define KM_PREFIX_FIRST 3

/* One halving. KM_STOP: there is nothing left to halve. */
static __always_inline long km_prefix_one(struct km_request *request)
{
  struct km_work *work = &request->work;
  if (work->low >= work->high)
    return KM_STOP;
  __u32 middle = (work->low + work->high) >> 1;
  work->middle = middle;
  const struct km_lengths *lengths = km_http_row(request, work->scan + (middle >> KM_LENGTHS_SHIFT));
  if (!lengths)
    return KM_STOP;
  __u32 place = work->middle & (KM_LENGTHS_IN_ROW - 1);
  barrier_var(place);
  work->length = lengths->length[place];
  const struct km_name *name = work->length > request->path_length ? NULL : km_path_name(request, KM_NAME_PATH_PREFIX, work->length);
  if (!name) {
    work->high = work->middle;
    return KM_NEXT;
  }
  work->hit = work->length;
  work->hit_text = name->text;
  work->hit_list = name->target;
  work->low = work->middle + 1;
  return KM_NEXT;
}

static long km_prefix_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  return request ? km_prefix_one(request) : KM_STOP;
}

/* `host`: row of the virtual host. */
static __always_inline __u32 km_find_path(struct km_request *request, const struct km_virtual_host *virtual_host, __u32 host)
{
  struct km_work *work = &request->work;
  work->scan_state = host;
  if (!virtual_host->count && !(virtual_host->flags & KM_VIRTUAL_HOST_EXACT))
    return virtual_host->root;
  work->low = 0;
  work->high = virtual_host->count;
  work->hit = 0;
  work->hit_list = virtual_host->root;
  work->scan = virtual_host->lengths;
  work->hash_fold = (virtual_host->flags & KM_VIRTUAL_HOST_FOLD) != 0;
  km_hash_path(request);
  if (virtual_host->flags & KM_VIRTUAL_HOST_EXACT && request->path_length < KM_HASH_WORDS * KM_WORD_BYTES) {
    const struct km_name *name = km_path_name(request, KM_NAME_PATH, request->path_length);
    if (name)
      return km_same_text(request, request->path, request->path_length, name->text, work->hash_fold) ? name->target : KM_UNSURE;
  }
  /* As many lengths as most virtual hosts have, without a loop, which costs as much as two rounds of it. */
#pragma unroll
  for (int i = 0; i < KM_PREFIX_FIRST; i++)
    if (km_prefix_one(request) == KM_STOP)
      break;
  if (work->low < work->high) {
    __u32 slot = request->slot;
    bpf_loop(KM_PREFIX_STEPS, km_prefix_step, &slot, 0);
  }
  if (work->hit && !km_same_text(request, request->path, work->hit, work->hit_text, work->hash_fold))
    return KM_UNSURE;
  return work->hit_list;
}
