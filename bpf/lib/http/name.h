/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Texts of the head against texts of the tables. In: a span of the head. Out: whether it is a text of km_http, or what km_name says it stands for.
 * Invariant: a hit of km_name counts only when the whole text was compared; a collision ends in user space.
 */
#pragma once
#include "tables.h"
#include "text-hash.h"

/* Of a lookup: nothing, and user space has to know. Rows are below both. */
#define KM_NOT_FOUND 0
#define KM_UNSURE 0xffffffff

#define KM_ROW_SHIFT 5
#define KM_ROW_WORDS 4

/* A row of km_http. */
static __always_inline void *km_http_row(struct km_request *request, __u32 row)
{
  void *table = bpf_map_lookup_elem(&km_http, &request->epoch);
  request->work.row = row;
  return table ? bpf_map_lookup_elem(table, &request->work.row) : NULL;
}

/*
 * Up to 32 bytes of the head, from work.text_at, against a row: as many as work.text_left says, in lower case if work.text_fold. What stands in memory needs no
 * register, and one that is needed later would be written to the stack.
 */
static __always_inline int km_same_row(struct km_request *request, const __u64 *row)
{
  struct km_work *work = &request->work;
  const __u64 *words = km_words(request, work->text_at);
  __u64 differ = 0;
  if (work->text_fold) {
#pragma unroll
    for (int i = 0; i < KM_ROW_WORDS; i++)
      differ |= km_keep_some(km_lower(words[i]) ^ row[i], (__s64)(__u64)work->text_left - i * KM_WORD_BYTES);
  } else {
#pragma unroll
    for (int i = 0; i < KM_ROW_WORDS; i++)
      differ |= km_keep_some(words[i] ^ row[i], (__s64)(__u64)work->text_left - i * KM_WORD_BYTES);
  }
  return !differ;
}

/* KM_STOP where the text ends, with nothing left, or differs. */
static __always_inline long km_same_on(struct km_request *request)
{
  struct km_work *work = &request->work;
  const __u64 *row = km_http_row(request, work->text_row);
  if (!row || !km_same_row(request, row))
    return KM_STOP;
  if (work->text_left <= KM_HTTP_ROW_SIZE) {
    work->text_left = 0;
    return KM_STOP;
  }
  work->text_at += KM_HTTP_ROW_SIZE;
  work->text_row++;
  work->text_left -= KM_HTTP_ROW_SIZE;
  return KM_NEXT;
}

static long km_same_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  return request ? km_same_on(request) : KM_STOP;
}

/* 1: the span of the head is the text that begins at a row. `fold`: its lower case is. Most texts are in one row. */
__noinline int km_same_text(struct km_request *given, __u32 at, __u32 length, __u32 row, __u32 fold)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return 0;
  struct km_work *work = &request->work;
  work->text_at = at;
  work->text_left = length;
  work->text_row = row;
  work->text_fold = fold;
  if (km_same_on(request) == KM_NEXT) {
    __u32 slot = request->slot;
    bpf_loop(KM_HEAD_MAX / KM_HTTP_ROW_SIZE, km_same_step, &slot, 0);
  }
  return !work->text_left;
}

/* What km_name has under a hash; NULL: nothing. */
static __always_inline const struct km_name *km_name_of(struct km_request *request, __u32 scope, __u32 kind, __u32 length, __u64 hash)
{
  struct km_name_key *key = &request->work.name;
  void *table = bpf_map_lookup_elem(&km_name, &request->epoch);
  key->scope = scope;
  key->kind = kind;
  key->length = length;
  key->hash = hash;
  return table ? bpf_map_lookup_elem(table, key) : NULL;
}

/* What the lower case of a span stands for in the service: `target` plus one, KM_NOT_FOUND, or KM_UNSURE. */
__noinline __u32 km_find_folded(struct km_request *given, __u32 kind, __u32 at, __u32 length)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_UNSURE;
  if (length >= KM_HASH_WORDS * KM_WORD_BYTES)
    return KM_NOT_FOUND;
  struct km_work *work = &request->work;
  struct km_name_key *key = &work->name;
  key->scope = request->service;
  key->kind = kind;
  key->length = length;
  work->name_at = at;
  key->hash = km_hash_here(request, at, length, 1);
  void *table = bpf_map_lookup_elem(&km_name, &request->epoch);
  const struct km_name *name = table ? bpf_map_lookup_elem(table, key) : NULL;
  if (!name)
    return KM_NOT_FOUND;
  return km_same_text(request, work->name_at, key->length, name->text, 1) ? name->target + 1 : KM_UNSURE;
}
