/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Query parameters. In: a name. Out: where the value of the first parameter of that name is. Nothing is decoded; `?k` is the empty text, and so is a
 * parameter without a name (compiler/http/query-text.ts is the meaning).
 */
#pragma once
#include "name.h"

/* Steps along a query: each goes on by a word or to the next parameter. */
#define KM_QUERY_STEPS (KM_HEAD_MAX - 1)
#define KM_QUERY_SEEKS 0
#define KM_QUERY_VALUE 1
#define KM_QUERY_FOUND 2

/* At the beginning of a parameter: is it the one? work.length is that of the name. */
static __always_inline int km_query_is(struct km_request *request, __u32 at, __u32 end, __u32 row)
{
  struct km_work *work = &request->work;
  __u32 length = work->length;
  if (length > end - at)
    return 0;
  __u32 behind = km_byte(request, at + length);
  if (at + length != end && behind != '=' && behind != '&')
    return 0;
  const __u64 *name = km_http_row(request, row);
  work->text_at = at;
  work->text_left = length;
  work->text_fold = 0;
  return name && km_same_row(request, name);
}

static long km_query_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  struct km_work *work = &request->work;
  __u32 at = work->scan;
  __u32 end = work->scan_end;
  if (at > end)
    return KM_STOP;
  /* scan_word: 1 at the beginning of a parameter */
  if (work->scan_state == KM_QUERY_SEEKS && work->scan_word) {
    work->scan_word = 0;
    if (km_query_is(request, at, end, work->scan_text)) {
      work->scan_state = KM_QUERY_VALUE;
      work->at = at + work->length;
      if (work->at < end && km_byte(request, work->at) == '=')
        work->at++;
      work->scan = work->at;
      return KM_NEXT;
    }
  }
  __u64 ends = km_bytes_equal(km_keep(km_word(request, at), end - at), '&');
  if (!ends) {
    if (end - at > KM_WORD_BYTES) {
      work->scan = at + KM_WORD_BYTES;
      return KM_NEXT;
    }
    at = end;
  } else {
    __u32 byte = 0;
#pragma unroll
    for (int i = KM_WORD_BYTES - 1; i >= 0; i--)
      byte = ends >> i * KM_BYTE_BITS & 0xff ? i : byte;
    at += byte;
  }
  if (work->scan_state == KM_QUERY_VALUE) {
    work->length = at - work->at;
    work->scan_state = KM_QUERY_FOUND;
    return KM_STOP;
  }
  /* The next parameter; behind the last one this ends the walk. */
  work->scan = at + 1;
  work->scan_word = 1;
  return KM_NEXT;
}

/* 1: found, work.at and work.length are its value. The name is `length` bytes at `row`, which it does not go beyond. */
static __always_inline int km_find_query(struct km_request *request, __u32 row, __u32 length)
{
  if (request->query == KM_NOWHERE)
    return 0;
  struct km_work *work = &request->work;
  work->scan = request->query;
  work->scan_end = request->query + request->query_length;
  work->scan_state = KM_QUERY_SEEKS;
  work->scan_word = 1;
  work->scan_text = row;
  work->length = length;
  __u32 slot = request->slot;
  bpf_loop(KM_QUERY_STEPS, km_query_step, &slot, 0);
  return work->scan_state == KM_QUERY_FOUND;
}
